import { IsIn, IsInt, IsNumber, IsOptional, IsString, Max, Min } from 'class-validator';
import { Transform } from 'class-transformer';
import { Environment } from './environment.js';
import { IsHttpUrl, IsPairs } from './validators.js';
import { ToInteger, Variable } from './variable.js';

const PROTOCOLS = ['http/protobuf', 'http/json'] as const;
export type OtlpProtocol = (typeof PROTOCOLS)[number];

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type SamplerName = (typeof SAMPLERS)[number];

const MS_MAX = 2 ** 31 - 1;

/**
 * With the standard variables of OpenTelemetry. The exporters also read those for time limits, compression and
 * certificates.
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export class FullEnvironment extends Environment {
  @Variable('Turns OpenTelemetry off, whatever the other variables say: `true` or `false`')
  @IsIn(['true', 'false'])
  OTEL_SDK_DISABLED: 'true' | 'false' = 'false';

  @Variable('Exporter of traces: `otlp` or `none`', '`otlp` if an endpoint for them is set, otherwise `none`')
  @IsOptional()
  @IsIn(['otlp', 'none'])
  OTEL_TRACES_EXPORTER?: 'otlp' | 'none';

  @Variable('Exporter of metrics: `otlp` or `none`', '`otlp` if an endpoint for them is set, otherwise `none`')
  @IsOptional()
  @IsIn(['otlp', 'none'])
  OTEL_METRICS_EXPORTER?: 'otlp' | 'none';

  @Variable('URL of the OTLP receiver, such as `http://collector:4318`', 'none: OpenTelemetry is off')
  @IsOptional()
  @IsHttpUrl()
  OTEL_EXPORTER_OTLP_ENDPOINT?: string;

  @Variable('URL for traces, with the path', 'OTEL_EXPORTER_OTLP_ENDPOINT with `/v1/traces`')
  @IsOptional()
  @IsHttpUrl()
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?: string;

  @Variable('URL for metrics, with the path', 'OTEL_EXPORTER_OTLP_ENDPOINT with `/v1/metrics`')
  @IsOptional()
  @IsHttpUrl()
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT?: string;

  @Variable('Protocol: `http/protobuf` or `http/json`; `grpc` is not supported')
  @IsIn(PROTOCOLS)
  OTEL_EXPORTER_OTLP_PROTOCOL: OtlpProtocol = 'http/protobuf';

  @Variable('Protocol for traces', 'OTEL_EXPORTER_OTLP_PROTOCOL')
  @IsOptional()
  @IsIn(PROTOCOLS)
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL?: OtlpProtocol;

  @Variable('Protocol for metrics', 'OTEL_EXPORTER_OTLP_PROTOCOL')
  @IsOptional()
  @IsIn(PROTOCOLS)
  OTEL_EXPORTER_OTLP_METRICS_PROTOCOL?: OtlpProtocol;

  @Variable('Headers of each export, as `name=value,name=value`, such as a token', 'none', { secret: true })
  @IsOptional()
  @IsPairs()
  OTEL_EXPORTER_OTLP_HEADERS?: string;

  @Variable('Name of the service in traces and metrics')
  @IsString()
  OTEL_SERVICE_NAME = 'rdev';

  @Variable('More attributes of the service, as `name=value,name=value`', 'none')
  @IsOptional()
  @IsPairs()
  OTEL_RESOURCE_ATTRIBUTES?: string;

  @Variable(`Which traces are recorded: ${SAMPLERS.map((name) => `\`${name}\``).join(', ')}`)
  @IsIn(SAMPLERS)
  OTEL_TRACES_SAMPLER: SamplerName = 'parentbased_always_on';

  @Variable('Share of traces that a sampler by ratio records, from 0 to 1')
  @ToNumber()
  @IsNumber()
  @Min(0)
  @Max(1)
  OTEL_TRACES_SAMPLER_ARG = 1;

  @Variable('Time between two exports of spans in milliseconds')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(MS_MAX)
  OTEL_BSP_SCHEDULE_DELAY = 5_000;

  @Variable('Spans that wait for their export at most; further ones are dropped')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  OTEL_BSP_MAX_QUEUE_SIZE = 2_048;

  @Variable('Time between two exports of metrics in milliseconds')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(MS_MAX)
  OTEL_METRIC_EXPORT_INTERVAL = 60_000;
}

/** Parses a decimal number; leaves anything else for the validator to reject. */
function ToNumber(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value,
  );
}
