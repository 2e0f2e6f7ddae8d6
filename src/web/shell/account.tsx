/** Who one is here, and how the page looks to one. */
import { Button, Menu, Text, useMantineColorScheme } from '@mantine/core'
import { CheckIcon, PersonIcon } from '@primer/octicons-react'
import type { Profile } from '../../api/users.ts'
import { useChange } from '../api/client.ts'
import { request } from '../api/request.ts'
import { LANGUAGES, nameOf, useSpeech } from '../text/language.tsx'

const SCHEMES = ['auto', 'light', 'dark'] as const

export function Account({ user }: { readonly user: Profile }) {
  const { text, language, choose } = useSpeech()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const signOut = useChange(async () => {
    const { sessions } = await request<{ sessions: readonly { id: string; current: boolean }[] }>(
      'GET',
      '/user/sessions',
    )
    const current = sessions.find((one) => one.current)
    if (current !== undefined) await request('DELETE', `/user/sessions/${current.id}`)
  })
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="subtle" color="gray" size="compact-md" aria-label={`${text.shell.account}: ${user.username}`}>
          <PersonIcon />
          <Text span visibleFrom="xs" inherit ml={6}>
            {user.displayName}
          </Text>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {SCHEMES.map((scheme) => (
          <Menu.Item
            key={scheme}
            onClick={() => setColorScheme(scheme)}
            rightSection={colorScheme === scheme ? <CheckIcon /> : null}
          >
            {text.shell.theme[scheme]}
          </Menu.Item>
        ))}
        <Menu.Divider role="separator" />
        <Menu.Label>{text.shell.language}</Menu.Label>
        {LANGUAGES.map((one) => (
          <Menu.Item
            key={one}
            lang={one}
            onClick={() => choose(one)}
            rightSection={language === one ? <CheckIcon /> : null}
          >
            {nameOf(one)}
          </Menu.Item>
        ))}
        <Menu.Divider role="separator" />
        <Menu.Item onClick={() => signOut.mutate(undefined)}>{text.shell.signOut}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
