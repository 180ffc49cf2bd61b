// Tests are compiled first (npm run build:test), then AVA runs the JavaScript.
const build = process.env.TEST_BUILD_DIR ?? 'build';

export default {
  files: [`${build}/test/{unit,integration,behaviours,e2e,interop,browser}/**/*.test.js`],
  timeout: '3m',
  require: [`./${build}/test/support/leak-check.js`],
  nodeArguments: ['--enable-source-maps'],
};
