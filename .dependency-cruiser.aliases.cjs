const { readdirSync } = require('node:fs');
const { resolve } = require('node:path');

/** In the form of a webpack configuration, as dependency-cruiser wants it. */
module.exports = {
  resolve: {
    alias: Object.fromEntries(
      readdirSync('libs').map((name) => [`@app/${name}/testing$`, resolve('libs', name, 'testing/index.ts')]),
    ),
  },
};
