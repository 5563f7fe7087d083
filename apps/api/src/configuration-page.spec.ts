import { describeVariables } from '@app/config';
import { configurationPage } from './configuration-page.js';

const variable = { name: 'LIMIT', meaning: 'Either a | b', default: '64 (bytes)', secret: false };

describe('the page about the configuration', () => {
  it('has a row for every variable', () => {
    const page = configurationPage(describeVariables());
    for (const { name } of describeVariables()) expect(page).toContain(`| \`${name}\` `);
  });

  it('keeps a bar within its cell, and marks what is to be typed', () => {
    expect(configurationPage([variable])).toContain('| `LIMIT`  | Either a \\| b. | `64` (bytes) |');
  });

  it('says which variables are secret', () => {
    expect(configurationPage([{ ...variable, secret: true }])).toContain('Secret.');
  });
});
