/** The labels of an exemplar: the trace of what was measured, if it is recorded. */
export function exemplarOf(traceId: string | null): Partial<Record<string, string>> {
  return traceId === null ? {} : { trace_id: traceId };
}
