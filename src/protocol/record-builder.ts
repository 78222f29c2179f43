/** One builder for the log's records of this thread: each is copied out as soon as it is built. */
import { Builder, type Offset } from 'flatbuffers'

const shared = new Builder(1024)
const encoder = new TextEncoder()
/** Room for the longest id; a text beyond it gets memory of its own. */
const scratch = new Uint8Array(1024)

/** The builder, empty. What was built before is void. */
export function recordBuilder(): Builder {
  shared.clear()
  return shared
}

/** Adds a string. The builder's own way makes new memory for every text, which counts toward full collections. */
export function addText(builder: Builder, text: string): Offset {
  if (3 * text.length > scratch.length) return builder.createString(text)
  const { written } = encoder.encodeInto(text, scratch)
  return builder.createString(scratch.subarray(0, written))
}
