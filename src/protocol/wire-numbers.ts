/**
 * The numbers of schemas/wire.fbs that hand-written code needs, as plain constants that the optimizer can fold. A test
 * compares them with the generated enums.
 */
export const BodyType = {
  hello: 1,
  welcome: 2,
  ping: 3,
  pong: 4,
  send: 5,
  change: 6,
  void: 7,
  history: 8,
  ack: 9,
  refusal: 10,
  event: 11,
  skip: 12,
  historyEnd: 13,
  resume: 14,
  inbox: 15,
  members: 16,
  memberList: 17,
  mark: 18,
  typing: 19,
  watch: 20,
  presence: 21,
  signOut: 22,
  receipt: 23,
} as const

/** Body types above it are newer than this build and are skipped. */
export const BODY_TYPE_MAX = 23

/** No build will ever know it. */
export const BODY_TYPE_NEVER = 255

export const EventKind = { message: 1, created: 2, joined: 3, left: 4, kicked: 5, large: 6, small: 7 } as const
export type EventKind = (typeof EventKind)[keyof typeof EventKind]

export const ChangeAction = { create: 1, invite: 2, leave: 3, kick: 4 } as const
export type ChangeAction = (typeof ChangeAction)[keyof typeof ChangeAction]

export const HistoryMode = { after: 0, before: 1, around: 2 } as const
export type HistoryMode = (typeof HistoryMode)[keyof typeof HistoryMode]

/** Bits of a Mark's `set` and `flags`, and of an InboxEntry's `flags`. */
export const ListFlag = { unread: 1, muted: 2, pinned: 4, hidden: 8 } as const
export const LIST_FLAGS = 15

/** Bits of an Ack's `flags`. */
export const AckFlag = { duplicate: 1, alreadyAccepted: 2 } as const
