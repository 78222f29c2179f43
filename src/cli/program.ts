/**
 * The commands of `parley` and their options. What they do stands in files of their own, which are loaded when they run.
 */
import { resolve } from 'node:path'
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { ROLES, type Role } from '../access/role.js'
import { CONFIG_FILE_NAME } from '../config-file.js'
import { layerConfig } from '../config-layers.js'
import { packageVersion } from '../package-version.js'
import { configOf, dataFolderOf as configuredDataFolder, readConfig, withConfigFile } from '../read-config.js'
import { tokenFor } from '../tokens.js'
import { completionScript, SHELLS, type Shell } from './completion.js'
import { CommandError, EXIT, type Terminal } from './terminal.js'

export interface ProgramParts {
  readonly terminal: Terminal
  readonly environment: NodeJS.ProcessEnv
  /** Aborted by Ctrl-C, for commands that run until then. */
  readonly stopped: AbortSignal
  /** Commands that end with another code than 0 and have said why. */
  exitWith(code: number): void
  /** The command goes on when its action has returned: a server. */
  keepRunning(): void
}

interface Shared {
  readonly config?: string
  readonly json?: boolean
}

interface ChatOptions extends Shared {
  readonly user?: string
  readonly app: string
  readonly token?: string
  readonly url?: string
  readonly device: string
  readonly group?: true | string
}

const TOKEN_DAYS = 30
const SHORT_TOKEN_DAYS = 1
const STDIN = '-'

export function parleyProgram(parts: ProgramParts): Command {
  const { terminal } = parts
  const program = new Command('parley')
    .description('A self-hosted chat server: durable, ordered, one process.')
    .version(packageVersion())
    .showHelpAfterError('(parley --help lists everything)')
  const environmentOf = ({ config }: Shared) => withConfigFile(parts.environment, config)
  const dataFolderOf = (options: Shared & { data?: string }) =>
    options.data === undefined ? configuredDataFolder(layerConfig(environmentOf(options))) : resolve(options.data)
  const command = (name: string, description: string, parent = program) =>
    parent.command(name).description(description).addOption(new Option('--json', 'results as JSON, one object a line'))
  const configured = (name: string, description: string, parent = program) =>
    command(name, description, parent).option('-c, --config <file>', 'configuration file', undefined)

  configured('dev', 'run a server to try things: makes its own secret, prints tokens').action(
    async (options: Shared) => {
      const { dev } = await import('./server-commands.js')
      dev(environmentOf(options), options.json ?? false)
      parts.keepRunning()
    },
  )
  configured('serve', 'run a server for others: needs a secret').action(async (options: Shared) => {
    const { serve } = await import('./server-commands.js')
    serve(environmentOf(options), options.json ?? false)
    parts.keepRunning()
  })
  command('init', 'write a commented configuration file with a fresh secret; never overwrites')
    .argument('[file]', 'where', CONFIG_FILE_NAME)
    .action(async (path: string, { json = false }: Shared) => {
      const { initConfig } = await import('./config-commands.js')
      initConfig(terminal, { path, json })
    })

  configured('doctor', 'look at what this machine gives Parley, and how to mend it').action(async (options: Shared) => {
    const [{ doctor }, { probeOf }] = await Promise.all([import('./doctor.js'), import('./doctor-probe.js')])
    const config = configOf(layerConfig(environmentOf(options))) // the secret is not looked at, so none is made
    const isWell = await doctor(terminal, probeOf(config, terminal.clock), options.json ?? false)
    if (!isWell) parts.exitWith(EXIT.failed)
  })

  const config = program.command('config').description('the settings: check, show, schema')
  configured('check', 'whether every setting is valid', config).action(async (options: Shared) => {
    const { checkConfig } = await import('./config-commands.js')
    checkConfig(terminal, { environment: environmentOf(options), json: options.json ?? false })
  })
  configured('show', 'the values that hold and where each comes from; secrets are hidden', config).action(
    async (options: Shared) => {
      const { showConfig } = await import('./config-commands.js')
      showConfig(terminal, { environment: environmentOf(options), json: options.json ?? false })
    },
  )
  command('schema', 'JSON Schema of the file, for editors', config).action(async () => {
    const { printSchema } = await import('./config-commands.js')
    printSchema(terminal)
  })

  configured('token', 'sign a token for a user')
    .argument('<user>', 'who may connect with it')
    .option('--app <app>', 'tenant', 'demo')
    .option('--device <device>', 'only for this device')
    .addOption(new Option('--role <role>', 'service and admin may use the HTTP API').choices(ROLES).default('member'))
    .addOption(new Option('--days <days>', 'until it ends').argParser(whole).default(TOKEN_DAYS))
    .action((user: string, options: Shared & { app: string; device?: string; role: Role; days: number }) => {
      const { app, device, role, days, json } = options
      const token = tokenFor(readConfig(environmentOf(options)), { app, user, role, days, ...(device && { device }) })
      if (json) terminal.json({ token, app, user, device: device ?? null, role, days })
      else terminal.print(token)
    })

  const chatting = (name: string, description: string, device: string) =>
    configured(name, description)
      .option('--user <user>', 'who you are; signs a token with the configured secret')
      .option('--app <app>', 'tenant of that token', 'demo')
      .option('--token <token>', 'a token, instead of --user')
      .option('--url <url>', 'of the server; of the configured one by default')
      .option('--device <device>', 'name of this device; another connection of the same one may replace it', device)
  const callerOf = (options: ChatOptions) => {
    const config = () => readConfig(environmentOf(options))
    const { app, user, token, device, json = false } = options
    if (token === undefined && user === undefined)
      throw new CommandError('say who you are: --user or --token', EXIT.usage)
    return {
      url: options.url ?? `ws://${reachable(config())}/v1/ws`,
      token: token ?? tokenFor(config(), { app, user: user!, days: SHORT_TOKEN_DAYS }),
      device,
      json,
    }
  }
  chatting('send', 'send one message and wait until it is durable', 'parley-send')
    .argument('<to>', 'a user, or with --group a group')
    .argument('[text]', `what; ${STDIN} or nothing reads standard input`, STDIN)
    .option('--group', 'to is the id of a group')
    .addOption(new Option('--timeout <seconds>', 'give up after').argParser(whole).default(15))
    .action(async (to: string, text: string, options: ChatOptions & { timeout: number }) => {
      const { send } = await import('./chat-commands.js')
      const body = text === STDIN ? await standardInput() : text
      const isGroup = options.group === true
      await send(terminal, { ...callerOf(options), to, isGroup, text: body, timeoutMs: options.timeout * 1_000 })
    })
  chatting('tail', 'print what arrives, once and in order, until Ctrl-C', 'parley-tail')
    .argument('[with]', 'from the first event on: a user, or with --group a group; else whatever arrives')
    .option('--group', 'with is the id of a group')
    .addOption(new Option('-n, --count <events>', 'end after so many').argParser(whole))
    .action(async (conversation: string | undefined, options: ChatOptions & { count?: number }) => {
      const { tail } = await import('./chat-commands.js')
      const what = { isGroup: options.group === true, ...(conversation !== undefined && { conversation }) }
      const { count } = options
      await tail(terminal, { ...callerOf(options), ...what, ...(count !== undefined && { count }) }, parts.stopped)
    })

  configured('top', 'what the server does, once a second')
    .option('--url <url>', 'of its /metrics; of the configured server by default')
    .addOption(new Option('--interval <seconds>', 'between views').argParser(whole).default(1))
    .addOption(new Option('-n, --count <views>', 'end after so many').argParser(whole))
    .action(async (options: Shared & { url?: string; interval: number; count?: number }) => {
      const { top } = await import('./top-command.js')
      const url = options.url ?? `http://${reachable(readConfig(environmentOf(options)))}/metrics`
      const { interval, count, json = false } = options
      const how = { url, intervalMs: interval * 1_000, json, ...(count !== undefined && { count }) }
      await top(terminal, how, parts.stopped)
    })

  configured('backup', 'copy the data folder, also of a server that runs; every message acked before is in it')
    .argument('<folder>', 'new or empty; on another disk, best of another machine')
    .option('--data <folder>', 'the data folder; of the configured server by default')
    .action(async (to: string, options: Shared & { data?: string }) => {
      const { backUpCommand } = await import('./backup-commands.js')
      const { json = false } = options
      await backUpCommand(terminal, { dataFolder: dataFolderOf(options), to, json })
    })
  configured('restore', 'make a data folder of a backup; never overwrites')
    .argument('<backup>', 'what parley backup has made; it is only read')
    .option('--data <folder>', 'new or empty; of the configured server by default')
    .action(async (from: string, options: Shared & { data?: string }) => {
      const { restoreCommand } = await import('./backup-commands.js')
      const { json = false } = options
      await restoreCommand(terminal, { from, dataFolder: dataFolderOf(options), json })
    })

  program
    .command('bench')
    .description('measure this machine; options are passed on')
    .allowUnknownOption()
    .helpOption(false)
    .argument('[args...]')
    .action(async (args: string[]) => {
      const { bench } = await import('./bench-command.js')
      parts.exitWith(await bench(args))
    })
  command('completion', 'completion script for your shell: source <(parley completion bash)')
    .addArgument(new Argument('<shell>', SHELLS.join(', ')).choices(SHELLS))
    .action((shell: Shell, { json = false }: Shared) => {
      const script = completionScript(program, shell)
      if (json) terminal.json({ shell, script })
      else terminal.raw(script)
    })
  return program
}

/** An address that listens everywhere is reached on this machine. */
function reachable({ host, port }: { readonly host: string; readonly port: number }): string {
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `${reached.includes(':') ? `[${reached}]` : reached}:${port}`
}

function whole(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number above 0.')
  return Number(text)
}

async function standardInput(): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8').trimEnd()
}
