import { socketServerConformance } from '../../../test/conformance/socket-server.js'
import { tlsSocketServerConformance } from '../../../test/conformance/tls-socket-server.js'
import { dialWebSocket, webSocketServerConformance } from '../../../test/conformance/web-socket-server.js'
import { canSharePorts } from '../../std/port-sharing.js'
import { WsSocketServer } from './socket-server.js'

socketServerConformance('ws', {
  open: (options) => new WsSocketServer(options),
  dial: dialWebSocket,
  hasCloseCodes: true,
  canShare: canSharePorts(),
})
webSocketServerConformance('ws', () => new WsSocketServer({ sharesPort: false }))
tlsSocketServerConformance('ws', (options) => new WsSocketServer(options))
