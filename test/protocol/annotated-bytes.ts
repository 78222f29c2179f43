/**
 * A frame's bytes with what each of them says, for people who write a client: everything that lies in it, in the order in
 * which it lies there.
 */
import { type Field, numberBytes, readSchema } from './schema-types.js'

interface Note {
  readonly at: number
  readonly size: number
  readonly says: string
}

const SCHEMA = readSchema()
const BYTES_PER_LINE = 12
const UTF8 = new TextDecoder()

/** Lines of `offset  hex  what it says`; the first byte of the size prefix is at 0. */
export function annotated(frame: Uint8Array): string {
  const notes = new Notes(frame)
  const size = notes.uint(0)
  notes.add(0, 4, `${size} bytes follow`)
  notes.table('Frame', notes.followed(4, 'the Frame'), 0)
  return notes.lines()
}

class Notes {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #notes: Note[] = []

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  uint(at: number): number {
    return this.#view.getUint32(at, true)
  }

  add(at: number, size: number, says: string): void {
    this.#notes.push({ at, size, says })
  }

  /** Where the offset at `at` leads. */
  followed(at: number, what: string): number {
    const offset = this.uint(at)
    this.add(at, 4, `${what} is ${offset} further, at ${at + offset}`)
    return at + offset
  }

  table(name: string, at: number, kind: number): void {
    const back = this.#view.getInt32(at, true)
    const vtable = at - back
    const u16 = (index: number) => this.#view.getUint16(vtable + 2 * index, true)
    const places = Array.from({ length: u16(0) / 2 - 2 }, (_, index) => u16(index + 2))
    const fields = slotsOf(name)
    const slots = places.map((place, index) => `${fields[index]!.name} ${place === 0 ? 'absent' : `+${place}`}`)
    this.add(vtable, u16(0), `vtable of the ${name}: ${u16(0)} bytes long, its table ${u16(1)}; ${slots.join(', ')}`)
    this.add(at, 4, `${name}: its vtable is ${back} before, at ${vtable}`)
    for (const [index, place] of places.entries()) if (place > 0) this.#field(fields[index]!, at + place, at, kind)
  }

  #field(field: Field, at: number, table: number, kind: number): void {
    const { name, type, isVector, nested } = field
    const bytes = numberBytes(SCHEMA, type)
    const struct = SCHEMA.structs.get(type)
    if (type === 'Body') {
      const body = SCHEMA.bodies[this.#bytes[table + this.#placeOfKind(table)]!]!
      return this.table(body, this.followed(at, `${name}, the ${body},`), kind)
    }
    if (name === 'body_type') return this.add(at, 1, `body_type: ${this.#bytes[at]} ${SCHEMA.bodies[this.#bytes[at]!]}`)
    if (!isVector && bytes !== undefined) return this.add(at, bytes, `${name}: ${this.#number(at, bytes, type)}`)
    if (struct !== undefined) return this.add(at, structSize(struct), `${name}: ${this.#struct(at, struct)}`)
    const there = this.followed(at, name)
    if (SCHEMA.tables.has(type)) return this.table(type, there, kind)
    const count = this.uint(there)
    if (nested !== undefined) {
      this.add(there, 4, `${name}: ${count} bytes, in which offsets and alignment begin anew`)
      this.table(nested, this.followed(there + 4, `the ${nested}`), kind)
    } else if (type === 'string') {
      this.add(there, 4 + count + 1, `${name}: ${count} bytes, ${this.#text(there + 4, count)}, and a zero`)
    } else this.add(there, 4 + count, `${name}: ${count} bytes, ${this.#text(there + 4, count)}`)
  }

  /** Field 0 of a Frame: read before field 1 can be. */
  #placeOfKind(table: number): number {
    return this.#view.getUint16(table - this.#view.getInt32(table, true) + 4, true)
  }

  #struct(at: number, fields: readonly Field[]): string {
    let place = at
    const said = fields.map(({ name, type }) => {
      const bytes = numberBytes(SCHEMA, type)!
      place += -(place - at) & (bytes - 1)
      const value = `${name} ${this.#number(place, bytes, type)}`
      place += bytes
      return value
    })
    return said.join(', ')
  }

  #number(at: number, bytes: number, type: string): string {
    let value = 0n
    for (let index = bytes - 1; index >= 0; index--) value = (value << 8n) | BigInt(this.#bytes[at + index]!)
    const name = SCHEMA.enums.get(type)?.names.get(Number(value))
    return name === undefined ? `${value}` : `${value} ${name}`
  }

  #text(at: number, size: number): string {
    return JSON.stringify(UTF8.decode(this.#bytes.subarray(at, at + size)))
  }

  lines(): string {
    const written: string[] = []
    let end = 0
    const whole = [...this.#notes, { at: this.#bytes.length, size: 0, says: '' }].sort((a, b) => a.at - b.at)
    for (const note of whole) {
      if (note.at > end) written.push(...this.#lines({ at: end, size: note.at - end, says: 'zeros, for alignment' }))
      if (note.size > 0) written.push(...this.#lines(note))
      end = note.at + note.size
    }
    return `${written.join('\n')}\n`
  }

  #lines({ at, size, says }: Note): string[] {
    const lines: string[] = []
    for (let done = 0; done < size; done += BYTES_PER_LINE) {
      const part = this.#bytes.subarray(at + done, at + Math.min(size, done + BYTES_PER_LINE))
      const hex = [...part].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
      const place = `${at + done}`.padStart(4)
      lines.push(`${place}  ${hex.padEnd(3 * BYTES_PER_LINE)} ${done === 0 ? says : ''}`.trimEnd())
    }
    return lines
  }
}

/** A union is two fields. */
function slotsOf(table: string): Field[] {
  return SCHEMA.tables
    .get(table)!
    .flatMap((field) =>
      field.type === 'Body'
        ? [{ name: 'body_type', type: 'ubyte', isVector: false, nested: undefined }, field]
        : [field],
    )
}

function structSize(fields: readonly Field[]): number {
  const sizes = fields.map(({ type }) => numberBytes(SCHEMA, type)!)
  const largest = Math.max(...sizes)
  const end = sizes.reduce((at, bytes) => at + (-at & (bytes - 1)) + bytes, 0)
  return end + (-end & (largest - 1))
}
