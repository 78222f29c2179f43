/** Bugs in sessions, beacons, cursors and presence (rules §7, §11). */
import { type Mutant, mutant } from './mutant.js'

const SESSIONS = 'src/actors/sessions.ts'
const BEACONS = 'src/actors/beacons.ts'
const LINKS = 'src/actors/gateway-links.ts'
const HOST = 'src/actors/actors-host.ts'

export const SESSION_MUTANTS: readonly Mutant[] = [
  // One session per device
  mutant('a Hello replaces before its device was heard', {
    file: SESSIONS,
    find: 'other.device !== device || !other.isHeard ||',
    replace: 'other.device !== device ||',
  }),
  mutant('a device has as many sessions as it likes', {
    file: SESSIONS,
    find: "if (newer !== undefined) this.#end(inbox, entry, 'replaced', newer.lane)",
    replace: '',
  }),
  mutant('the older session replaces the newer', {
    file: SESSIONS,
    find: 'if (other.startedAt > startedAt) return other',
    replace: 'if (other.startedAt > startedAt) return undefined',
  }),
  mutant('the end of a session is said once, whatever becomes of it', {
    file: SESSIONS,
    find: '      this.#confirm(gateway, shard, session)\n      this.#settle(session.inbox)\n',
    replace: '      this.#confirm(gateway, shard, session)\n',
  }),

  // Sessions are soft state
  mutant('no digests', { file: LINKS, find: 'else if (isDigest) this.#register(link)', replace: '' }),
  mutant(
    'sessions not told to the next owner',
    {
      file: LINKS,
      find: 'const sessions = [...(this.#end?.sessionsOf(shard) ?? [])]\n',
      replace: 'const sessions = this.#end === undefined ? [...NOBODY] : [...NOBODY]\n',
    },
    {
      file: LINKS,
      find: 'interface Waiting {',
      replace: 'const NOBODY: readonly Session[] = []\ninterface Waiting {',
    },
  ),
  mutant(
    'sessions that ended unheard are kept for ever',
    {
      file: LINKS,
      find: 'else if (this.#tickedAt - link.hadSessionsAt > EMPTY_DIGESTS_MS) return',
      replace: 'else return',
    },
    { file: SESSIONS, find: 'this.#dropAll(address, shard, NONE)', replace: '' },
  ),

  // Beacons
  mutant('no beacons but the digest', {
    file: BEACONS,
    find: 'this.repeat(inbox, this.#unheard.has(inbox))',
    replace: '',
  }),
  mutant(
    'a new owner tells nobody where inboxes stand',
    {
      file: HOST,
      find: 'found: (shard, inbox) => this.#shards.get(shard)?.beacons.found(inbox)',
      replace: 'found: () => {}',
    },
    { file: BEACONS, find: 'for (const inbox of this.#inboxes()) this.found(inbox)\n', replace: '' },
  ),
  mutant('a replaced owner of users who only listen never finds out', {
    file: BEACONS,
    find: 'if (loop.isServing) loop.horizon()',
    replace: '',
  }),

  // Cursors
  mutant('a cursor that is level with the list is ahead of it', {
    file: 'src/actors/resume-command.ts',
    find: '(incarnation === logIncarnation && version > list.version)',
    replace: '(incarnation === logIncarnation && version >= list.version && version > 0)',
  }),

  // Presence
  mutant(
    'who has gone is online',
    {
      file: 'src/actors/presence.ts',
      find: 'if (!this.#watchers.has(inbox)) return\n',
      replace: 'if (!this.#watchers.has(inbox) || !isConnected) return\n',
    },
    {
      file: 'src/gateway/watches.ts',
      find: 'if (watched === undefined || isSame(watched.state, state)) continue',
      replace: 'if (watched === undefined || watched.state?.isOnline || isSame(watched.state, state)) continue',
    },
  ),
  mutant('presence is told once, whatever becomes of it', {
    file: 'src/gateway/watches.ts',
    find: 'for (const shard of this.#byShard.keys()) this.#changedShards.add(shard)',
    replace: '',
  }),
]
