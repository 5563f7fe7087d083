import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The directories of local projects, and what their commands get of the environment. */
export class Workspaces {
  readonly spoolDirectory: string;
  private readonly root: string;

  constructor(
    dataDir: string,
    readonly environment: Readonly<Record<string, string>>,
  ) {
    this.root = join(dataDir, 'projects');
    this.spoolDirectory = join(dataDir, 'spool');
  }

  /** Where the project's files lie. Project ids are DNS labels, so the path cannot leave the root. */
  directory(projectId: string): string {
    return join(this.root, projectId);
  }

  async ensure(): Promise<void> {
    for (const directory of [this.root, this.spoolDirectory]) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      // An earlier release made it, or the umask took more away.
      await chmod(directory, 0o700);
    }
  }
}
