/** Opens the palette, by a button or by Ctrl-K; the palette itself comes when it is first asked for. */
import { Button, Kbd, Text, VisuallyHidden } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { SearchIcon } from '@primer/octicons-react'
import { lazy, Suspense, useState } from 'react'
import { useSpeech } from '../text/language.tsx'

const Palette = lazy(async () => ({ default: (await import('./palette.tsx')).Palette }))

const isApple = /Mac|iPhone|iPad/.test(navigator.userAgent)

export function PaletteButton({ organization }: { readonly organization: string }) {
  const { text } = useSpeech()
  const shortcut = isApple ? '⌘K' : 'Ctrl K'
  /** How often it was asked for; it opens at each. */
  const [asked, setAsked] = useState(0)
  const open = () => setAsked((before) => before + 1)
  // In fields too: whoever presses it means it.
  useHotkeys([['mod+K', open]], [])
  return (
    <>
      <Button variant="default" size="compact-md" onClick={open} aria-keyshortcuts={isApple ? 'Meta+K' : 'Control+K'}>
        <SearchIcon aria-hidden="true" />
        <VisuallyHidden hiddenFrom="sm">{text.shell.find}</VisuallyHidden>
        <Text span visibleFrom="sm" inherit mx={8}>
          {text.shell.find}
        </Text>
        <Kbd size="xs" visibleFrom="sm">
          {shortcut}
        </Kbd>
      </Button>
      {asked === 0 ? null : (
        <Suspense fallback={null}>
          <Palette organization={organization} asked={asked} />
        </Suspense>
      )}
    </>
  )
}
