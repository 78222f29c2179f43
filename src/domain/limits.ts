/**
 * Every bound in one table, with what happens at it and why it is what it is.
 */
export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB

export const LIMITS = {
  /** A message's body, in bytes; one more is refused with body-too-large. */
  bodyBytesMax: 64 * KiB,
  /** Of a message; more is refused with bad-content, as with the two below. */
  contentTypeBytesMax: 128,
  /** Of a message. */
  previewBytesMax: 120,
  /** Of a message. */
  mentionsMax: 100,
  /** A WebSocket message, both ways, in bytes. */
  messageBytesMax: 256 * KiB,
  /** A log frame, in bytes, head included; NATS' default max_payload is 1 MiB, and 64 KiB is where it is fastest. */
  logFrameBytesMax: 256 * KiB,
  /** Unacked commands per lane and conversation (rules §5). */
  laneWindow: 64,
  /** Lanes kept per device and actor; then the lowest-numbered is retired. */
  lanesPerDeviceMax: 8,
  /** Lanes kept per user and actor, over all devices; then the lowest-numbered is retired. */
  lanesPerUserMax: 256,
  /** Lanes of users who are not members, per actor; then the oldest is dropped. */
  strangerLanesMax: 256,
  /** Requests of servers over HTTP without an answer, per worker; one more is refused with overloaded. */
  serverCommandsMax: 1_024,
  /** Requests of one connection without an answer; one more is refused with too-many-requests. */
  inFlightMax: 256,
  /** Idempotency keys remembered per sender and conversation; then the oldest is forgotten. */
  keysPerSenderMax: 512,
  /** Users named by one Change. */
  usersPerChangeMax: 500,
  /** One more is refused with group-full. */
  groupMembersMax: 10_000,
  /** Groups and channels that a user is in; who would let them into one more is refused with user-conversations. */
  conversationsPerUserMax: 10_000,
  /** The same with those that they have left, which stay in their list. */
  listedPerUserMax: 40_000,
  /** Milliseconds in which users' lists must say that they have room; then the change is refused with list-away. */
  joinCheckMs: 1_000,
  /** Changes that wait for that, per shard; one more is refused with mailbox-full. */
  joinChecksMax: 1_024,
  /** Milliseconds for which a join that was allowed takes up room before the list knows of it. */
  joinPendingMs: 10_000,
  /** Such joins of one user shard; then no more are allowed for a while. */
  joinsPendingMax: 65_536,
  /** With more members a conversation is large: lists hear of it by read fan-out, and a message is written into its sender's alone. */
  largeMembersMin: 2_000,
  /** With so many or fewer it is small again. */
  smallMembersMax: 1_500,
  /** Events of one answer to History. */
  historyLimitMax: 200,
  /** Members of one answer to Members. */
  membersLimitMax: 200,
  /** Bytes of one answer to History; fewer events than asked come back, and complete_to says so. */
  historyBytesMax: 192 * KiB,
  /** Unsent bytes per socket before it counts as lagging. */
  sendQueueBytesMax: 1 * MiB,
  /** Unsent bytes of all sockets of a process, an equal part for each worker; above it the largest queues lag first. */
  sendQueuesBytesMax: 512 * MiB,
  /** Conversations a lagging connection may have missed events of; one more closes it with too-far-behind. */
  laggingConversationsMax: 1_000,
  /** Frames per second of one connection, as a bucket of one second; one more is refused with connection-rate. */
  framesPerSecondMax: 20_000,
  /** Devices of a user whose lanes are known; then the one that has not opened a lane for the longest is forgotten. */
  devicesPerUserMax: 1_000,
  /** Users whose presence a connection may watch. */
  watchedUsersMax: 500,
  /** Members of a conversation in which it is told who is typing; in larger ones nobody is. */
  typingMembersMax: 100,
  /** Members of a conversation in which those online are told who has read; in larger ones they ask. */
  receiptMembersMax: 100,
  /** Frames per second of a user, all connections of the process together; one more is refused with user-rate. */
  userFramesPerSecondMax: 40_000,
  /** Frames and requests per second of an app, all of the process together; one more is refused with app-rate. */
  appFramesPerSecondMax: 1_000_000,
  /** Of one user, all workers together; one more is refused with user-connections. */
  connectionsPerUserMax: 64,
  /** Of one address, all workers together. Proxies and providers put many people behind one, so by default it is what one
   *  worker holds: an operator whose clients come directly lowers it. */
  connectionsPerAddressMax: 19_000,
  /** One more is refused with too-many-connections. */
  connectionsPerWorkerMax: 19_000,
  /** Connections of a worker that are no WebSocket, or not yet one: one more is cut. */
  plainConnectionsPerWorkerMax: 4_096,
  /** Tokens of one address that are forged, or whose key nobody has yet, in a second, all workers together; then its
   *  tokens are not looked at until the next (bad-token-rate): a signature costs more to check than to send. */
  badTokensPerSecondMax: 1_000,
  /** Milliseconds between a device's pings; two missed and it is gone. */
  heartbeatMs: 25_000,
  /** Commands of one gateway worker to one shard without an answer; one more is refused with mailbox-full. */
  linkInFlightMax: 4_096,
  /** Commands that wait for an actor to load, or for room in a batch, per shard. */
  mailboxMax: 4_096,
  /** Milliseconds a parked command waits for its actor, then 12xx. */
  parkMs: 2_000,
  /** Actors in memory per worker; beyond it idle ones retire, the longest unused first. */
  activationsMax: 50_000,
  /** Bytes of recent events kept in memory per worker, all conversations together. */
  recentTailBytesMax: 256 * MiB,
  /** Bytes of recent events that may be held in all, per worker, while the store does not take them; then sends are
   *  refused with store-behind. */
  unstoredBytesMax: 512 * MiB,
  /** Bytes of recent events kept per conversation. */
  recentTailPerConversationBytesMax: 64 * KiB,
  /** Milliseconds in which the projector flushes every shard once, while few actors change; where many do it is seconds (ADR 66). */
  projectorFlushMs: 200,
  /** Parts in which the shards of a worker are flushed, one after another: each is one transaction of the store. */
  projectorSlices: 4,
  /** Milliseconds without an accepted append or renewed lease after which an owner stops answering (rules §1). */
  ownerSilenceMs: 15_000,
  /** Share of the log's limit at which sends are refused; the rest is for barriers and purge (rules §6). */
  logReserveFraction: 0.8,
  /** Milliseconds between two looks at what outboxes owe: within these the first news of a quiet conversation is told. */
  outboxFlushMs: 50,
  /** Milliseconds between two tellings of one conversation, growing by factors of two while it stays busy. */
  outboxPauseMsMin: 1_000,
  outboxPauseMsMax: 4_000,
  /** Members of whom a conversation's outbox tells in one second, all flushes together: a larger one flushes less often. */
  outboxMembersPerSecond: 2_000,
  /** The same of all conversations of one shard: a flush changes the list of each of these members. */
  outboxMembersPerSecondOfShard: 4_000,
  /** Bytes of one message from an outbox to a user shard; more goes with the next. One conversation is never split. */
  outboxMessageBytes: 64 * KiB,
  /** Milliseconds after which heads that were not taken are told again. */
  outboxAgainMs: 1_000,
  /** Conversations of one shard that owe anything; above it sends of the shard are refused with mailbox-full. */
  outboxOwedMax: 65_536,
  /** Of all shards of a worker: each stays in memory for as long. */
  outboxOwedPerWorkerMax: 262_144,
  /** Of one conversation by one user, in a second; one more is refused with mark-rate. The client library says one reading a
   *  second, and settings as they are made. */
  marksPerSecondMax: 5,
  /** Milliseconds between two steps of one inbox to its user's sessions; what changes meanwhile goes in one. */
  inboxStepMs: 1_000,
  /** Entries, or heads of large conversations, of one answer to Resume. */
  resumeEntriesMax: 500,
  /** Of an answer to Resume: conversations of which the newest unread events come with it, the ones that changed last. */
  firstConversationsMax: 32,
  /** Such events of each. */
  firstEventsMax: 50,
  /** Bytes of all of them, an equal part for each conversation: what does not fit is read by History. */
  firstEventsBytesMax: 96 * KiB,
  /** Milliseconds that owners of conversations have to tell them; then the answer to Resume goes without. */
  firstEventsMs: 200,
  /** Answers to Resume that wait for them, per user shard; one more goes without. */
  firstEventsAsksMax: 1_024,
  /** Milliseconds that owners of large conversations have to tell their heads; then they are said to be away. */
  headsAskMs: 1_000,
  /** Questions for heads of large conversations under way, per user shard; one more is refused with mailbox-full. */
  headsAsksMax: 4_096,
  /** Of these by the server itself, once a minute for all who are connected: the others wait their turn. */
  headsTellsMax: 2_048,
  /** A token, in bytes. */
  tokenBytesMax: 4 * KiB,
  /** Users of an app whose tokens were taken back; then a whole app's are, or nobody's (revocations-full). */
  revocationsMax: 100_000,
  /** Of all apps together. */
  revocationsOfAllAppsMax: 1_000_000,
  /** Milliseconds between the tokens that a connection may bring after its first. */
  tokenRefreshMs: 1_000,
  /** An HTTP request's body, in bytes. */
  httpBodyBytesMax: 256 * KiB,
  /** Milliseconds a connection has to say Hello. */
  helloMs: 10_000,
  /** Milliseconds in which a server that stops answers what it has. */
  drainMs: 10_000,
} as const
