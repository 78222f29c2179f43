/** Time on any JavaScript platform: browsers, React Native, Node. */
import type { Clock } from './clock.js'

/** Its timers keep a Node process alive, as an open socket does: whoever opens a client closes it. */
export const PLATFORM_CLOCK: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs)
    return { cancel: () => clearTimeout(timer) }
  },
  soon(task) {
    queueMicrotask(task)
  },
}
