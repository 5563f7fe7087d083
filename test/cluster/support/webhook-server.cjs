// The server of support/webhooks.ts, in a pod. /first puts a container before the others of a pod; anything else is
// refused.
const { readFileSync } = require('node:fs');
const sidecar = (image) => ({
  name: 'sidecar',
  image,
  imagePullPolicy: 'IfNotPresent',
  command: ['sleep', 'infinity'],
  env: [{ name: 'WHERE', value: 'sidecar' }],
  resources: {
    requests: { cpu: '1m', memory: '1Mi' },
    limits: { cpu: '1', memory: '64Mi', 'ephemeral-storage': '16Mi' },
  },
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
});

function answer(path, { uid, object }) {
  if (path !== '/first') return { uid, allowed: false, status: { code: 403, message: 'projects need an owner label' } };
  const patch = [{ op: 'add', path: '/spec/containers/0', value: sidecar(object.spec.containers[0].image) }];
  const text = Buffer.from(JSON.stringify(patch)).toString('base64');
  return { uid, allowed: true, patchType: 'JSONPatch', patch: text };
}

const tls = { cert: readFileSync('/tls/tls.crt'), key: readFileSync('/tls/tls.key') };
require('node:https')
  .createServer(tls, async (request, response) => {
    const chunks = await request.toArray();
    const review = JSON.parse(Buffer.concat(chunks).toString());
    const { pathname } = new URL(request.url, 'https://webhook');
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ ...review, request: undefined, response: answer(pathname, review.request) }));
  })
  .listen(8443);
