import { describeVariables } from '@app/config';
import { configurationPage } from './configuration-page.js';

const variable = { name: 'LIMIT', meaning: 'Either a | b', default: '64 (bytes)', secret: false };

describe('the configuration page', () => {
  it('has a row for every variable', () => {
    const page = configurationPage(describeVariables());
    for (const { name } of describeVariables()) expect(page).toContain(`| \`${name}\` `);
  });

  it('escapes bars in cells, and formats defaults as code', () => {
    expect(configurationPage([variable])).toContain('| `LIMIT`  | Either a \\| b. | `64` (bytes) |');
  });

  it('marks secret variables', () => {
    expect(configurationPage([{ ...variable, secret: true }])).toContain('Secret.');
  });
});
