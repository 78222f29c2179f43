/**
 * Memory for the rows and pages of checkpoints: carved from slabs that are used again once the store has what lies in
 * them. A row with memory of its own would count toward V8's full collections, by which many small rows are a quarter
 * of a busy server's work (ADR 89).
 */
import { KiB } from '../domain/limits.js'

const SLAB_BYTES = 256 * KiB
/** Larger rows get memory of their own. */
const CARVED_BYTES_MAX = SLAB_BYTES / 8
/** Slabs kept for later; what a burst needed beyond these is given back. */
const SPARES_MAX = 64

interface Slab {
  readonly bytes: Uint8Array
  used: number
  /** Checkpoints with rows in it. */
  holders: number
}

const spares: Slab[] = []
let current = newSlab()
/** Of the checkpoint that is being cut. */
let held: Set<Slab> | undefined

/** Slabs in which a checkpoint's rows lie. */
export class RowHold {
  #slabs: ReadonlySet<Slab>

  constructor(slabs: ReadonlySet<Slab>) {
    this.#slabs = slabs
    for (const slab of slabs) slab.holders++
  }

  /** Nobody looks at the rows any more. */
  release(): void {
    for (const slab of this.#slabs) {
      slab.holders--
      if (slab.holders > 0 || slab === current) continue
      slab.used = 0
      if (spares.length < SPARES_MAX) spares.push(slab)
    }
    this.#slabs = new Set()
  }
}

/** Runs `cut`; what it keeps with `keepRow` holds until the hold is released. */
export function holdRows<Cut>(cut: () => Cut): { readonly result: Cut; readonly hold: RowHold } {
  const slabs = new Set<Slab>()
  held = slabs
  try {
    return { result: cut(), hold: new RowHold(slabs) }
  } finally {
    held = undefined
  }
}

/** A copy of `row`; for good where no checkpoint is being cut. */
export function keepRow(row: Uint8Array): Uint8Array {
  const size = row.byteLength
  if (held === undefined || size > CARVED_BYTES_MAX) return row.slice()
  if (current.used + size > SLAB_BYTES) {
    if (current.holders === 0 && !held.has(current)) current.used = 0
    else current = spares.pop() ?? newSlab()
  }
  held.add(current)
  const start = current.used
  current.used += size
  current.bytes.set(row, start)
  return current.bytes.subarray(start, start + size)
}

function newSlab(): Slab {
  return { bytes: new Uint8Array(SLAB_BYTES), used: 0, holders: 0 }
}
