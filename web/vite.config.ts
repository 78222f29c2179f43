/** How the page is built: into dist/web, for the server to serve from memory. `vite web` serves it while one works on it. */
import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

const DEVELOPMENT_SERVER = 'http://127.0.0.1:7700'

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [vue()],
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // the page's policy allows no data: URLs
    reportCompressedSize: false,
    rolldownOptions: { checks: { bundlerTimings: false } }, // a busy machine is nothing to report
  },
  define: { __VUE_OPTIONS_API__: 'false' },
  server: { proxy: { '/v1': { target: DEVELOPMENT_SERVER, ws: true, changeOrigin: true } } },
})
