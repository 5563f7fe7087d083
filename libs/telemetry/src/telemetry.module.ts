import { currentRequest, maskSecrets, parseTraceparent } from '@app/kernel';
import { currentTraceparent } from '@app/tracing';
import { type DynamicModule, Module } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LoggerModule } from 'nestjs-pino';
import { type DestinationStream, type LogFn, type Logger, levels } from 'pino';
import type { Options } from 'pino-http';
import { DescriptorWatch } from './descriptor-watch.js';
import { terminalStream } from './log-stream.js';
import { RequestLog } from './request-log.js';
import { serializeError } from './serialize-error.js';

const INFO = levels.values.info ?? 30;

/** Logs lines to stdout: JSON, or text at a terminal. Headers and bodies are never logged: they contain keys, command text and output. */
@Module({})
export class TelemetryModule {
  static with(logLevel: string): DynamicModule {
    return {
      module: TelemetryModule,
      providers: [DescriptorWatch],
      imports: [
        LoggerModule.forRootAsync({
          useFactory: async () => ({
            pinoHttp: { ...lineOptions(logLevel), ...(await toTerminal()) },
          }),
        }),
      ],
    };
  }
}

/** The trace of the request, or of the command, that a line is about. */
function traceOfLine(): object {
  const traceId = currentRequest()?.actor.traceId ?? parseTraceparent(currentTraceparent())?.traceId;
  return traceId === undefined ? {} : { traceId };
}

/** Nest logs a line per module and route at every start. */
const CHATTER = new Set<unknown>([
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestFactory',
  'NestApplication',
]);

function withoutChatter(this: Logger, args: Parameters<LogFn>, method: LogFn, level: number): void {
  const [fields] = args as [unknown];
  const isChatter = typeof fields === 'object' && fields !== null && 'context' in fields && CHATTER.has(fields.context);
  if (!isChatter || level > INFO) method.apply(this, args);
}

function lineOptions(level: string): Options {
  const requests = new RequestLog();
  return {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    hooks: { logMethod: withoutChatter },
    mixin: traceOfLine,
    formatters: { level: (label) => ({ level: label }) },
    genReqId: () => currentRequest()?.requestId ?? '',
    quietReqLogger: true,
    customLogLevel: requests.level,
    customErrorObject: requests.fields,
    customAttributeKeys: { reqId: 'requestId' },
    // Otherwise our serializer would get pino-http's serialised object instead of the Error.
    wrapSerializers: false,
    serializers: {
      req: ({ method, url }: IncomingMessage) => ({ method, path: maskSecrets(url?.split('?', 1)[0] ?? '') }),
      res: ({ statusCode, headersSent }: ServerResponse) => ({ statusCode: headersSent ? statusCode : null }),
      err: serializeError,
    },
    autoLogging: { ignore: (request) => /^\/(health|ready)\b/.test(request.url ?? '') },
  };
}

async function toTerminal(): Promise<{ stream?: DestinationStream }> {
  const stream = await terminalStream(process.stdout);
  return stream === undefined ? {} : { stream };
}
