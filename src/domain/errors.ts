/** A dependency failed or did not answer. The runtime drops, re-reads, retries; a client hears 12xx. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError'
}

/** Stored bytes are not what was written. Someone should get up: the message names file and offset, or key. */
export class CorruptionError extends Error {
  override readonly name = 'CorruptionError'
}
