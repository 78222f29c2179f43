/**
 * With which V8 flags the server process is started; some are understood only then, so the supervisor passes them.
 *
 * A worker's live heap is small and what it promotes is little: V8 would still run a full collection for every few
 * megabytes of growth, and each holds up all answers of the thread for 15 to 40 ms. So the heap may grow to four times
 * what is alive first. Where workers leave no core over, V8's helper threads only take turns with them, and every
 * worker collects by itself (ADR 37).
 */
import { WORKERS_DEFAULT_MAX } from './config.js'

/** `configured` is absent where the server takes as many workers as it likes. */
export function serverNodeFlags(configured: number | undefined, cores: number): string[] {
  const workers = configured ?? Math.min(cores, WORKERS_DEFAULT_MAX)
  return ['--heap-growing-percent=300', ...(workers >= cores ? ['--single-threaded-gc'] : [])]
}
