// npm run soak: what needs minutes. CI runs ava.config.js alone.
const build = process.env.TEST_BUILD_DIR ?? 'build';

export default {
  files: [`${build}/test/soak/**/*.test.js`],
  timeout: '10m',
  require: [`./${build}/test/support/leak-check.js`],
  concurrency: 1,
  nodeArguments: ['--enable-source-maps'],
};
