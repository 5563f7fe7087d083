import eslintConfigPrettier from 'eslint-config-prettier';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const TYPESCRIPT = ['**/*.ts'];
const TESTS = ['**/*.spec.ts', '**/*-spec.ts', 'test/**/*.ts', 'libs/*/testing/**/*.ts'];
const TOOLS = ['**/*.mjs', '**/*.cjs'];

export default defineConfig(
  globalIgnores(['dist/', 'coverage/', '.rdev/', '.cache/', 'helm/']),
  {
    files: TYPESCRIPT,
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      // The rule skips files with decorators: Nest needs the classes at run time.
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // A Nest module is an empty class with a decorator.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      // Response classes describe shapes for OpenAPI; responses are literals of these shapes.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only libs/config reads the environment; inject Config.' },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'no-console': 'error',
      eqeqeq: 'error',
      'max-lines': ['warn', { max: 280, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['warn', { max: 40, skipBlankLines: true, skipComments: true }],
      // Prettier wraps code, and leaves comments as they are.
      'max-len': ['warn', { code: 10_000, comments: 120, ignoreUrls: true }],
      // Each `?.`, `??` and default counts as a branch: a mapping of optional fields is long, and not complex.
      complexity: ['warn', { max: 15 }],
    },
  },
  // A DTO is a list of fields with their limits, as the environment is.
  { files: ['**/*.dto.ts', 'libs/config/src/environment.ts'], rules: { 'max-lines': 'off' } },
  // A module is one list of what belongs together.
  { files: ['**/*.module.ts'], rules: { 'max-lines-per-function': 'off' } },
  {
    files: ['libs/*/src/**/*.ts'],
    ignores: TESTS,
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'CallExpression[callee.name="newId"][arguments.length=1]:not([arguments.0.value="req"])',
          message: 'Stored ids contain the shared time: newId(prefix, clock.now()).',
        },
      ],
    },
  },
  { files: ['libs/config/**/*.ts', 'ormconfig.ts', ...TESTS], rules: { 'no-restricted-properties': 'off' } },
  // The process passes its environment to libs/config, and prints before there is a logger.
  {
    files: ['apps/*/src/main.ts', 'apps/*/src/migrate.ts', 'apps/*/src/write-openapi.ts'],
    rules: { 'no-restricted-properties': 'off', 'no-console': 'off' },
  },
  {
    files: TESTS,
    rules: {
      // A describe() is one function, and a table of cases is long.
      'max-lines': 'off',
      'max-lines-per-function': 'off',
      // A test of many cases, or a check that walks a structure, reads better as one function.
      complexity: 'off',
      // Responses of the API are parsed JSON; the tests assert the fields that they use.
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Fakes implement asynchronous ports, often with empty methods.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: TOOLS,
    rules: {
      eqeqeq: 'error',
      'no-unused-vars': ['error', { varsIgnorePattern: '^_' }],
      'prefer-const': 'error',
      'no-var': 'error',
    },
  },
  eslintConfigPrettier,
);
