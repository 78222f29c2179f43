/** What the page says in English; the other languages have the same keys. */
export const ENGLISH = {
  name: 'English',
  tagline: 'Watch a chat server keep its promises',
  choose: { language: 'Language', theme: 'Colours' },
  themes: { system: 'Auto', light: 'Light', dark: 'Dark' },

  guide: {
    title: 'Try this',
    write: 'Write something as Alice.',
    cut: 'Cut Bob’s network, write to him, then plug it in again.',
    kill: 'Let them talk and kill the server’s workers.',
    done: 'done',
    close: 'Hide these hints',
  },

  server: {
    title: 'Server',
    up: 'Every answer is on its disk before you see it',
    connecting: 'Nobody can reach it; everyone tries again by themselves',
    idle: 'Waiting for somebody to connect',
    kill: 'Kill its workers',
    killed: (workers: number) =>
      `${workers === 1 ? 'Its worker is' : `All ${workers} workers are`} dead. New ones start and read the log.`,
    killFailed: 'The server did not answer. Is it running?',
    talk: 'Let them talk',
    quiet: 'Stop the talk',
  },

  ledger: {
    title: 'What became of every message sent from this page',
    sent: 'sent',
    acked: 'durable',
    received: 'received',
    onTheWay: 'on the way',
    refused: 'refused',
    lost: 'lost',
    doubled: 'doubled',
    explain: {
      sent: 'Messages that were written on this page',
      acked: 'The server has said that they survive a power failure',
      received: 'Times that a message came up on another user’s screen',
      onTheWay: 'Deliveries still to come: somebody is cut off, or it is a matter of milliseconds',
      refused: 'Messages that the server will not have; they are never delivered',
      lost: 'Deliveries that should have come and did not',
      doubled: 'Messages that came up twice on one screen',
    },
  },

  user: {
    online: 'Connected',
    connecting: 'Reconnecting…',
    cut: 'Network cut',
    stopped: 'Disconnected for good',
    cutButton: 'Cut the network',
    cutShort: 'Cut',
    restoreButton: 'Plug it in again',
    restoreShort: 'Plug in',
    cutLabel: (name: string) => `Cut ${name}’s network`,
    restoreLabel: (name: string) => `Plug in ${name}’s network`,
    notices: {
      cut: 'What you write waits in this browser and leaves when the network is back.',
      storage: 'This browser has no room to keep what you write. It is sent as soon as there is some.',
      connecting: 'No answer from the server. What you write waits; it connects again by itself.',
    },
    add: (name: string) => `Add ${name}`,
    users: 'Users',
    failed: 'This user cannot take part',
  },

  chat: {
    conversations: (name: string) => `${name}’s conversations`,
    group: 'Everybody',
    messages: (conversation: string) => `Messages in ${conversation}`,
    older: 'Show older messages',
    loading: 'Reading what was said before…',
    waiting: 'Waiting for the server…',
    empty: 'Nothing has been said here yet.',
    emptyHint: 'Write the first message below: it gets number 1.',
    seq: (seq: number) => `Number ${seq} of the conversation`,
    latest: 'Newest messages',
    online: 'online',
    offline: 'offline',
    typing: (users: string) => `${users} typing…`,
    unread: (count: number) => `${count} unread`,
  },

  changes: {
    created: (from: string, users: string) => `${from} started the group with ${users}`,
    createdAlone: (from: string) => `${from} started the group`,
    joined: (from: string, users: string) => `${from} invited ${users}`,
    left: (from: string) => `${from} left`,
    kicked: (from: string, users: string) => `${from} removed ${users}`,
  },

  progress: {
    storing: 'saving here',
    queued: 'waits here',
    sent: 'sending',
    acked: 'durable',
    refused: 'refused',
    unknown: 'outcome unknown',
  },
  took: (ms: string) => `${ms} ms`,
  arrived: (ms: string) => `came in ${ms} ms`,
  arrivedLate: (seconds: string) => `came after ${seconds} s`,
  tookLong: (seconds: string) => `after ${seconds} s`,

  composer: {
    label: (name: string) => `Write as ${name}`,
    placeholder: (name: string) => `Write as ${name}`,
    placeholderCut: (name: string) => `Write as ${name}, sent later`,
    send: 'Send',
  },

  token: {
    title: 'This server gives no tokens away',
    explain: 'It does not run in development. Each user here needs a token: make one with the command below.',
    label: 'Token of a user',
    submit: 'Take a seat',
    bad: 'That is no token, or that user is here already.',
  },

  announce: {
    online: (name: string) => `${name} is connected`,
    cut: (name: string) => `${name}’s network is cut`,
    connecting: (name: string) => `${name} is reconnecting`,
  },

  and: (names: readonly string[]) => new Intl.ListFormat('en', { type: 'conjunction' }).format(names),
  lines: [
    'Noodles or curry?',
    'Curry. No, noodles.',
    'The usual place?',
    'It has a queue today.',
    'Queues are fine, as long as they are durable.',
    'I am on a train, mind the tunnels.',
    'Say it again?',
    'No need: you have it already.',
    'Ten past twelve?',
    'Make it a quarter past.',
    'In that order?',
    'In exactly that order.',
  ],
}

export type Texts = typeof ENGLISH
