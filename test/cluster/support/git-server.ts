import { TEST_IMAGE, type TestNamespace } from './test-cluster.js';
import { until } from './until.js';

const PORT = 9418;

/**
 * A repository with `README` on `main` and `NEW` on `next`, and a server for it that tells nothing to those who ask for
 * more.
 */
const SCRIPT = String.raw`set -e
cd /tmp && git init -q --initial-branch=main work && cd work
git config user.name t && git config user.email t@example.com
echo hello > README && git add . && git commit -q -m first
git switch -q -c next && echo new > NEW && git add . && git commit -q -m second && git switch -q main
exec git daemon --export-all --base-path=/tmp --reuseaddr --informative-errors --port=${String(PORT)}
`;

/** Serves a repository from a pod of the namespace, as any pod may reach that is allowed to. */
export async function serveGit(namespace: TestNamespace): Promise<{ readonly url: string; readonly egress: string }> {
  const readinessProbe = { tcpSocket: { port: PORT }, periodSeconds: 1 };
  const container = { name: 'git', image: TEST_IMAGE, imagePullPolicy: 'IfNotPresent', command: ['sh', '-c', SCRIPT] };
  await namespace.startPod('git-server', {}, { containers: [{ ...container, readinessProbe }] });
  await namespace.ready('git-server');
  const ip = await until(
    'the git server has an address',
    async () => (await namespace.pod('git-server'))?.status?.podIP ?? null,
  );
  return { url: `git://${ip}/work`, egress: `${ip}/32:${String(PORT)}` };
}
