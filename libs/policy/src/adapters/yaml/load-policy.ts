import { CommandPolicy } from '../../domain/command-policy.js';

/** Loads the policy from the file; without a file, everything is allowed. @throws {@link InvalidPolicy} */
export async function loadPolicy(file: string | null): Promise<CommandPolicy> {
  if (file === null) return new CommandPolicy();
  // YAML is loaded only if there is a policy.
  const { readPolicy } = await import('./policy-file.js');
  return readPolicy(file);
}
