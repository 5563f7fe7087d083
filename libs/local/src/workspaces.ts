import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The directories of local projects, and the environment of their commands. */
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

  /** The project's directory. Project ids are DNS labels, so the path cannot leave the root. */
  directory(projectId: string): string {
    return join(this.root, projectId);
  }

  async ensure(): Promise<void> {
    for (const directory of [this.root, this.spoolDirectory]) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      // An earlier release created it with other permissions, or the umask removed some.
      await chmod(directory, 0o700);
    }
  }
}
