/**
 * Kubernetes puts the address of every Service into the environment of every pod, in the manner of Docker's links: a Service
 * named `parley` sets PARLEY_PORT=tcp://10.0.0.1:7700 and half a dozen more. None of them is a setting of ours.
 */

const ENDINGS =
  /^PARLEY_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/
const ADDRESS = /^(?:tcp|udp|sctp):\/\//
const NAMED = /^PARLEY_(?:\w+_)?PORT$/

/** Those of the variables that are no settings but links. */
export function serviceLinks(environment: NodeJS.ProcessEnv): string[] {
  return Object.entries(environment).flatMap(([name, value = '']) =>
    ENDINGS.test(name) || (NAMED.test(name) && ADDRESS.test(value)) ? [name] : [],
  )
}

export function complaintOfLinks(names: readonly string[], environment: NodeJS.ProcessEnv): string {
  const shown = names.find((name) => ADDRESS.test(environment[name]!)) ?? names[0]!
  const others = names.length === 1 ? '' : ` and ${names.length - 1} more like it`
  return (
    `${shown}=${environment[shown]}${others}: Kubernetes sets these for a Service whose name begins with parley, and they ` +
    'shadow settings; put enableServiceLinks: false into the pod, or give the Service another name'
  )
}
