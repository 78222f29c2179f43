/** What the actors of a worker have to do, for its figures. */
export interface HostLoad {
  /** Shards that placement gave us, and those of them that answer. */
  readonly owned: number
  readonly serving: number
  /** Checkpoints that the store does not have yet. */
  readonly waitingCheckpoints: number
  /** How old the oldest of them is. */
  readonly storeLagMs: number
  /** Commands that wait for their actor or for room in a batch. */
  readonly waitingCommands: number
  /** Conversations of which user shards have not heard everything. */
  readonly owedConversations: number
}
