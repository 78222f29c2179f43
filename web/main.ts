import { createApp } from 'vue'
import App from './App.vue'
import './style/tokens.css'
import './style/base.css'

createApp(App).mount('#app')
