/** What clients were told, against what the log holds. */
import { type History, type LoggedLine, nameOf } from './history.js'

export function checkAcks(history: History): string[] {
  const invoked = new Map(history.of('invoked').map((line) => [line.command, line]))
  return history.of('acked').flatMap((ack) => {
    const asked = invoked.get(ack.command)
    if (asked === undefined) return [`${ack.client} has an ack for ${ack.command}, which nobody asked for`]
    const found = eventOfAck(history, ack)
    const told = `${ack.client} was told that ${ack.command} is at ${ack.conversation}#${ack.seq ?? '?'}`
    if (found === undefined) return [`${told}; it is not in the log`]
    const isThat =
      asked.what === 'send'
        ? found.message === ack.command
        : found.device === asked.device && found.lane === ack.lane && found.n === ack.n
    return isThat && found.from === asked.user ? [] : [`${told}; the log has ${nameOf(found)} there`]
  })
}

function eventOfAck(
  history: History,
  ack: { conversation: string; command: string; seq?: number; lane: number; n: number },
): LoggedLine | undefined {
  if (ack.seq !== undefined) return history.loggedAt(ack.conversation, ack.seq)
  return history.logged.get(ack.conversation)?.find((event) => event.message === ack.command)
}

export function checkRefusals(history: History): string[] {
  const messages = new Map(history.of('logged').map((event) => [event.message, event]))
  return history.of('refused').flatMap((refusal) => {
    const event = messages.get(refusal.command)
    if (event === undefined) return []
    return [`${refusal.client} was refused ${refusal.command} with ${refusal.code}; the log has ${nameOf(event)}`]
  })
}

export function checkAnswers(history: History): string[] {
  const answered = new Set<string>()
  for (const type of ['acked', 'refused', 'unknown'] as const) {
    for (const line of history.of(type)) answered.add(line.command)
  }
  return history
    .of('invoked')
    .filter((line) => !answered.has(line.command))
    .map((line) => `${line.client} never heard what became of ${line.what} ${line.command} in ${line.conversation}`)
}
