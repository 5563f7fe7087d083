import { CommandPolicy } from '../../domain/command-policy.js';

/** The policy of that file; without a file, the one that allows everything. @throws {@link InvalidPolicy} */
export async function loadPolicy(file: string | null): Promise<CommandPolicy> {
  if (file === null) return new CommandPolicy();
  // Only a policy needs YAML.
  const { readPolicy } = await import('./policy-file.js');
  return readPolicy(file);
}
