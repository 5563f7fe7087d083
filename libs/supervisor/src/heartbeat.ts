/** How often an attachment is asked whether it is alive, and how many intervals in a row it may leave that open. */
export interface HeartbeatPace {
  readonly intervalMs: number;
  /** Before the header, which may take minutes on a busy machine. */
  readonly missesBeforeHeader: number;
  readonly misses: number;
}

export const HEARTBEAT: HeartbeatPace = { intervalMs: 15_000, missesBeforeHeader: 20, misses: 2 };

/** The conversation that is watched. */
export interface Pulse {
  /** Null: the remote side has not responded yet. */
  readonly header: string | null;
  /** Whether everything that has arrived was read. */
  readonly isWaiting: boolean;
  ask(answered: () => void): void;
}

/**
 * Detects that the processes of an attachment do not run any more although its connection is open, as when the command
 * has stopped them. A command without output looks the same from here, so the remote side is asked. A slow reader is no
 * reason to count: the answer is behind what it has not read.
 */
export class Heartbeat {
  private missed = 0;
  private isAsked = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly pulse: Pulse,
    private readonly stopped: () => void,
    private readonly pace: HeartbeatPace = HEARTBEAT,
  ) {}

  start(): this {
    this.timer = setInterval(() => {
      this.beat();
    }, this.pace.intervalMs).unref();
    return this;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Called when something has arrived on stdout, which carries the answers too. */
  arrived(): void {
    this.missed = 0;
  }

  /** Called once per interval. */
  beat(): void {
    const { header, isWaiting } = this.pulse;
    if (!isWaiting) return;
    if (!this.isAsked) {
      this.isAsked = true;
      this.missed = 0;
      this.pulse.ask(() => {
        this.isAsked = false;
      });
    } else if (++this.missed >= (header === null ? this.pace.missesBeforeHeader : this.pace.misses)) {
      this.stop();
      this.stopped();
    }
  }
}
