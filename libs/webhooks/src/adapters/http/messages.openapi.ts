import { MESSAGE_TYPES, type MessageType } from '../../domain/message.js';

type Schema = Readonly<Record<string, unknown>>;

const TEXT: Schema = { type: 'string' };
const object = (properties: Readonly<Record<string, Schema>>, required = Object.keys(properties)): Schema => ({
  type: 'object',
  properties,
  required,
});

const ABOUT_COMMAND = {
  commandId: TEXT,
  projectId: TEXT,
  url: { type: 'string', description: 'Leads to the command' },
  sequence: { type: 'integer', description: 'Orders the messages of a command: 1 queued, 2 started, 3 ended' },
};
const COMMAND = { commandId: 'cmd_01jd4x…', projectId: 'hello', url: 'https://rdev.example/v1/commands/cmd_01jd4x…' };

/** The `data` of each kind of message, with an example. */
const KINDS: Readonly<Record<string, { readonly schema: Schema; readonly example: Schema }>> = {
  'command.queued': {
    schema: object({ ...ABOUT_COMMAND, type: TEXT, priority: TEXT }),
    example: { ...COMMAND, sequence: 1, type: 'shell', priority: 'normal' },
  },
  'command.started': { schema: object(ABOUT_COMMAND), example: { ...COMMAND, sequence: 2 } },
  command: {
    schema: object({
      ...ABOUT_COMMAND,
      status: TEXT,
      result: { type: 'object', description: 'As in `GET /v1/commands/{id}`' },
    }),
    example: {
      ...COMMAND,
      sequence: 3,
      status: 'failed',
      result: { exitCode: 1, signal: null, reason: 'exited', durationMs: 1_200 },
    },
  },
  project: {
    schema: object({ projectId: TEXT, url: TEXT, status: TEXT, reason: { type: ['string', 'null'] } }, [
      'projectId',
      'url',
    ]),
    example: {
      projectId: 'hello',
      url: 'https://rdev.example/v1/projects/hello',
      status: 'failed',
      reason: 'no volume',
    },
  },
  key: {
    schema: object({ keyId: TEXT, url: TEXT, name: TEXT, prefix: TEXT }),
    example: { keyId: 'key_01jd4x…', url: 'https://rdev.example/v1/keys/key_01jd4x…', name: 'ci', prefix: 'Ab12Cd34' },
  },
  'webhook.disabled': {
    schema: object({ webhookId: TEXT, url: TEXT, host: TEXT, reason: TEXT }),
    example: {
      webhookId: 'whk_01jd4x…',
      url: 'https://rdev.example/v1/webhooks/whk_01jd4x…',
      host: 'example.com',
      reason: 'The endpoint responded 410 Gone',
    },
  },
  audit: {
    schema: object({
      url: TEXT,
      seq: { type: 'integer' },
      hash: TEXT,
      at: TEXT,
      keyId: TEXT,
      signature: TEXT,
      installId: TEXT,
    }),
    example: {
      url: 'https://rdev.example/v1/audit/checkpoints',
      seq: 1_200,
      hash: '9f86d081884c7d65…',
      at: '2026-01-31T08:00:00.000Z',
      keyId: '3c2f0b1a9d8e7f60',
      signature: 'd3JpdHRlbiBieSBoYW5k…',
      installId: '0b7e6f0a-…',
    },
  },
  webhook: { schema: object({ webhookId: TEXT }), example: { webhookId: 'whk_01jd4x…' } },
};

const HEADERS = [
  ['webhook-id', 'The same for every attempt to deliver the message'],
  ['webhook-timestamp', 'When the attempt was made, in seconds since 1970'],
  ['webhook-signature', 'Signatures, separated by spaces: `v1,` and the base64 of HMAC-SHA256'],
].map(([name, description]) => ({ name, in: 'header', required: true, schema: TEXT, description }));

/** The `webhooks` of the OpenAPI document: the requests that subscribers get. */
export function describeMessages(): Readonly<Record<string, object>> {
  return Object.fromEntries(MESSAGE_TYPES.map((type) => [type, { post: operationOf(type) }]));
}

/** The `callbacks` of the operation that creates commands: what its `callbackUrl` gets. */
export function describeCallbacks(): Readonly<Record<string, object>> {
  const post = { ...operationOf('command.succeeded'), summary: 'The command has ended; one of the types `command.*`' };
  return { ended: { '{$request.body#/callbackUrl}': { post } } };
}

function operationOf(type: MessageType): object {
  const { schema, example } = KINDS[type] ?? KINDS[type.slice(0, type.indexOf('.'))] ?? { schema: {}, example: {} };
  const message = { type, timestamp: '2026-01-31T08:00:00.000Z', data: example };
  return {
    tags: ['webhooks'],
    summary: `A message of the type \`${type}\``,
    parameters: HEADERS,
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: object({ type: { const: type }, timestamp: { type: 'string', format: 'date-time' }, data: schema }),
          examples: { message: { summary: 'A message', value: message } },
        },
      },
    },
    responses: { '2XX': { description: 'It was received. Any other response is tried again' } },
  };
}
