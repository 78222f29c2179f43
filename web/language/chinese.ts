import type { Texts } from './english.js'

/** What the page says in Chinese. */
export const CHINESE: Texts = {
  name: '中文',
  tagline: '亲眼看聊天服务器兑现承诺',
  choose: { language: '语言', theme: '配色' },
  themes: { system: '自动', light: '浅色', dark: '深色' },

  guide: {
    title: '试一试',
    write: '以 Alice 的身份写点什么。',
    cut: '切断 Bob 的网络，给他写消息，再重新接上。',
    kill: '让他们聊起来，然后杀掉服务器的工作线程。',
    done: '已完成',
    close: '收起提示',
  },

  server: {
    title: '服务器',
    up: '你看到的每个回应，都已先写入磁盘',
    connecting: '暂时连不上；大家都在自动重试',
    idle: '等待有人连接',
    kill: '杀掉工作线程',
    killed: (workers: number) => `${workers} 个工作线程已被杀掉。新的正在启动，从日志恢复现场。`,
    killFailed: '服务器没有回应。它在运行吗？',
    talk: '让他们聊起来',
    quiet: '停止闲聊',
  },

  ledger: {
    title: '本页发出的每条消息的去向',
    sent: '已发送',
    acked: '已落盘',
    received: '已送达',
    onTheWay: '在途',
    refused: '被拒绝',
    lost: '丢失',
    doubled: '重复',
    explain: {
      sent: '在本页写下的消息',
      acked: '服务器已确认：断电也不会丢',
      received: '消息出现在其他用户屏幕上的次数',
      onTheWay: '尚未送达：有人断网，或只差几毫秒',
      refused: '服务器不接受的消息；它们绝不会被送达',
      lost: '本该送达却没有送达的次数',
      doubled: '在同一屏幕上出现两次的消息',
    },
  },

  user: {
    online: '已连接',
    connecting: '正在重连…',
    cut: '网络已切断',
    stopped: '已彻底断开',
    cutButton: '切断网络',
    cutShort: '切断',
    restoreButton: '接上网络',
    restoreShort: '接上',
    cutLabel: (name: string) => `切断 ${name} 的网络`,
    restoreLabel: (name: string) => `接上 ${name} 的网络`,
    notices: {
      cut: '你写的消息先存在这个浏览器里，网络恢复后自动发出。',
      storage: '这个浏览器没有空间保存你写的消息。一有空间就会发出。',
      connecting: '服务器没有回应。你写的消息会等着，连接会自动恢复。',
    },
    add: (name: string) => `加入 ${name}`,
    users: '用户',
    failed: '该用户无法参与',
  },

  chat: {
    conversations: (name: string) => `${name} 的会话`,
    group: '所有人',
    messages: (conversation: string) => `${conversation} 的消息`,
    older: '显示更早的消息',
    loading: '正在读取之前的消息…',
    waiting: '正在等待服务器…',
    empty: '这里还没有人说话。',
    emptyHint: '在下方写下第一条消息：它的编号是 1。',
    seq: (seq: number) => `会话中的第 ${seq} 号`,
    latest: '最新消息',
    online: '在线',
    offline: '离线',
    typing: (users: string) => `${users} 正在输入…`,
    unread: (count: number) => `${count} 条未读`,
  },

  changes: {
    created: (from: string, users: string) => `${from} 和 ${users} 建立了群聊`,
    createdAlone: (from: string) => `${from} 建立了群聊`,
    joined: (from: string, users: string) => `${from} 邀请了 ${users}`,
    left: (from: string) => `${from} 离开了`,
    kicked: (from: string, users: string) => `${from} 移除了 ${users}`,
  },

  progress: {
    storing: '保存中',
    queued: '在此等待',
    sent: '发送中',
    acked: '已落盘',
    refused: '被拒绝',
    unknown: '结果未知',
  },
  took: (ms: string) => `${ms} 毫秒`,
  arrived: (ms: string) => `${ms} 毫秒送达`,
  arrivedLate: (seconds: string) => `${seconds} 秒后送达`,
  tookLong: (seconds: string) => `${seconds} 秒后`,

  composer: {
    label: (name: string) => `以 ${name} 的身份写`,
    placeholder: (name: string) => `以 ${name} 的身份写`,
    placeholderCut: (name: string) => `以 ${name} 的身份写，稍后发出`,
    send: '发送',
  },

  token: {
    title: '此服务器不发放令牌',
    explain: '它不在开发模式下运行。这里的每位用户都需要一个令牌：用下面的命令生成。',
    label: '用户令牌',
    submit: '入座',
    bad: '这不是令牌，或者该用户已经在这里。',
  },

  announce: {
    online: (name: string) => `${name} 已连接`,
    cut: (name: string) => `${name} 的网络已切断`,
    connecting: (name: string) => `${name} 正在重连`,
  },

  and: (names: readonly string[]) => new Intl.ListFormat('zh', { type: 'conjunction' }).format(names),
  lines: [
    '中午吃面还是咖喱？',
    '咖喱。不，还是面吧。',
    '老地方？',
    '今天在排队。',
    '排队没关系，只要队伍不丢。',
    '我在火车上，要过隧道了。',
    '再说一遍？',
    '不用，你已经收到了。',
    '十二点十分？',
    '十二点一刻吧。',
    '按这个顺序？',
    '就按这个顺序。',
  ],
}
