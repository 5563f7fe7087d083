/** Seconds, from the wait for a free slot to a long agent run. */
export const durationBuckets = [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 14_400];
