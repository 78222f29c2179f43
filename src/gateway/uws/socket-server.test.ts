import { socketServerConformance } from '../../../test/conformance/socket-server.js'
import { dialWebSocket, webSocketServerConformance } from '../../../test/conformance/web-socket-server.js'
import { UwsSocketServer } from './socket-server.js'

socketServerConformance('uws', {
  open: (options) => new UwsSocketServer(options),
  dial: dialWebSocket,
  hasCloseCodes: true,
  canShare: true,
})
webSocketServerConformance('uws', () => new UwsSocketServer({ sharesPort: false }))
