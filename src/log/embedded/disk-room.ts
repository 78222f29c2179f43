/**
 * Watches the free space of the disk, so that sends stop while the store can still be written: it needs room to catch up,
 * and only what it has caught up with lets purge free some of the log (rules §6). A log that took the last bytes of the
 * disk for itself would wait for the store, and the store for the disk, for ever.
 */
import type { Clock, Timer } from '../../std/clock.js'
import type { Alarm } from './options.js'

export interface DiskRoomParts {
  /** Of the disk under the log, which the store shares. */
  readonly freeBytes: () => number
  readonly reserveBytes: number
  readonly clock: Clock
  readonly alarm: Alarm
}

/** In so long the fastest writer measured takes 15 MB for the log and twice that for the store. */
const LOOK_MS = 100

export class DiskRoom {
  /** The reserve is in use. */
  isShort = false
  readonly #parts: DiskRoomParts
  #timer: Timer | undefined

  constructor(parts: DiskRoomParts) {
    this.#parts = parts
    this.#look()
  }

  close(): void {
    this.#timer?.cancel()
  }

  #look(): void {
    const { freeBytes, reserveBytes, clock, alarm } = this.#parts
    const free = freeBytes()
    const isShort = free < reserveBytes
    if (isShort && !this.isShort) {
      alarm(`the disk is nearly full; sends are refused until ${reserveBytes} bytes are free`, `${free} bytes are free`)
    }
    this.isShort = isShort
    this.#timer = clock.after(LOOK_MS, () => this.#look())
  }
}
