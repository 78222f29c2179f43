/**
 * What a device heard, as the lines of a transcript.
 */
import { decodeContent } from '../../src/protocol/content.js'
import type { DecodedFrame } from '../../src/protocol/decoded-frame.js'

const EVENT_NAMES = ['', 'message', 'created', 'joined', 'left', 'kicked']

/** A line, and the numbers in it that a run may count up. */
export interface Line {
  readonly text: (numbers: readonly string[]) => string
  readonly numbers: readonly number[]
}

export function described(frame: DecodedFrame): Line {
  switch (frame.kind) {
    case 'ack': {
      const again = frame.flags === 0 ? '' : frame.flags === 1 ? ' again' : ' accepted long ago'
      return { text: ([n, seq]) => `ack ${n} seq ${seq}${again}`, numbers: [frame.n, frame.seq] }
    }
    case 'refusal': {
      const expected = frame.expected > 0 ? `, expected ${frame.expected}` : ''
      const wait = frame.retryAfterMs > 0 ? ', wait' : ''
      return { text: ([n]) => `refused ${n}: ${frame.name}${expected}${wait}`, numbers: [frame.n] }
    }
    case 'event': {
      const isMessage = frame.eventKind === 1
      const text = isMessage ? new TextDecoder().decode(decodeContent(frame.content!).body) : frame.users.join(' ')
      const what = `${EVENT_NAMES[frame.eventKind]} from ${frame.from}${text === '' ? '' : `: ${text}`}`
      return { text: ([seq]) => `seq ${seq} ${what}`, numbers: [frame.seq] }
    }
    case 'skip':
      return { text: () => `skip ${frame.from} to ${frame.to}`, numbers: [] }
    case 'history-end':
      return { text: () => `that was ${frame.from} to ${frame.completeTo}, head ${frame.head}`, numbers: [] }
    default:
      return { text: () => frame.kind, numbers: [] }
  }
}

/** Neighbours that say the same and count up become one line: `ack 2…66 seq 2…66`. */
export function inRuns(lines: readonly Line[]): string[] {
  const found: string[] = []
  for (let first = 0; first < lines.length; ) {
    let next = first + 1
    while (next < lines.length && follows(lines[next - 1]!, lines[next]!)) next++
    const [a, b] = [lines[first]!, lines[next - 1]!]
    found.push(a.text(a.numbers.map((from, at) => (next - first > 1 ? `${from}…${b.numbers[at]}` : `${from}`))))
    first = next
  }
  return found
}

function follows(a: Line, b: Line): boolean {
  const blank = (line: Line) => line.text(line.numbers.map(() => ''))
  return a.numbers.length > 0 && blank(a) === blank(b) && a.numbers.every((each, at) => b.numbers[at] === each + 1)
}
