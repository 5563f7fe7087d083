import { currentRequest, parseTraceparent } from '@app/kernel';
import { currentTraceparent } from '@app/tracing';
import { type DynamicModule, Module } from '@nestjs/common';
import { LoggerModule, PinoLogger } from 'nestjs-pino';
import { type LogFn, type Logger, destination, levels } from 'pino';
import type { Options } from 'pino-http';
import { DescriptorWatch } from './descriptor-watch.js';
import { batching, terminalStream } from './log-stream.js';
import { RequestLog } from './request-log.js';
import { serializeError } from './serialize-error.js';

const INFO = levels.values.info ?? 30;

/** Logs lines to stdout: JSON, or text at a terminal. Headers and bodies are never logged: they contain keys, command text and output. */
@Module({})
export class TelemetryModule {
  static with(logLevel: string): DynamicModule {
    return {
      module: TelemetryModule,
      providers: [
        DescriptorWatch,
        { provide: RequestLog, useFactory: (logger: PinoLogger) => new RequestLog(logger), inject: [PinoLogger] },
      ],
      exports: [RequestLog],
      imports: [
        LoggerModule.forRootAsync({
          useFactory: async () => ({
            pinoHttp: {
              ...lineOptions(logLevel),
              stream: (await terminalStream(process.stdout)) ?? batching(destination()),
            },
            // No logger per request: RequestLog writes its line, and the mixin adds its ids to others.
            forRoutes: [],
          }),
        }),
      ],
    };
  }
}

/** The request that a line is about, and the trace of it or of the command. */
function idsOfLine(): object {
  const request = currentRequest();
  const traceId = request?.actor.traceId ?? parseTraceparent(currentTraceparent())?.traceId;
  return { ...(request !== null && { requestId: request.requestId }), ...(traceId !== undefined && { traceId }) };
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
  return {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    hooks: { logMethod: withoutChatter },
    mixin: idsOfLine,
    formatters: { level: (label) => ({ level: label }) },
    // Otherwise our serializer would get pino-http's serialised object instead of the Error.
    wrapSerializers: false,
    serializers: { err: serializeError },
  };
}
