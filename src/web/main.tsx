/** The page: what everything of it stands in. */
import './mantine.css'
import '@mantine/notifications/styles.css'
import './page.css'
import { createTheme, MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { setNonce } from 'get-nonce'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { createQueryClient } from './api/client.ts'
import { organizationsQuery } from './api/organizations.ts'
import { hasSession, profileQuery } from './api/profile.ts'
import { router } from './router.tsx'
import { LanguageProvider, speakPreferred } from './text/language.tsx'

const theme = createTheme({
  primaryColor: 'teal',
  primaryShade: { light: 9, dark: 6 },
  autoContrast: true,
  fontFamily: 'system-ui, sans-serif',
  fontFamilyMonospace: 'ui-monospace, monospace',
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
})

/** Of this answer: the policy lets in no other style that a script writes. */
const nonce = document.querySelector<HTMLMetaElement>('meta[name=csp-nonce]')?.content ?? ''

// For the style with which an open dialog keeps the page behind it still.
setNonce(nonce)

const root = document.getElementById('root')
if (root === null) throw new Error('the document has no root')
const client = createQueryClient()
if (hasSession) {
  // Every page wants both, and the one need not wait for the other.
  void client.prefetchQuery(profileQuery)
  void client.prefetchQuery(organizationsQuery)
}
// A page that is here when it is first drawn is drawn at once: React holds back for a while what comes after a placeholder.
const [spoken] = await Promise.all([speakPreferred(), hasSession ? router.load().catch(() => {}) : undefined])
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <LanguageProvider first={spoken}>
        <QueryClientProvider client={client}>
          <Notifications position="bottom-right" />
          <RouterProvider router={router} />
        </QueryClientProvider>
      </LanguageProvider>
    </MantineProvider>
  </StrictMode>,
)
