/** Who one is here, and how the page looks to one. */
import { Button, Menu, Text, useMantineColorScheme } from '@mantine/core'
import { CheckIcon, PersonIcon, SignOutIcon } from '@primer/octicons-react'
import { Link } from '@tanstack/react-router'
import type { Profile } from '../../api/users.ts'
import { useChange } from '../api/client.ts'
import { signOut } from '../api/profile.ts'
import { LANGUAGES, nameOf, useSpeech } from '../text/language.tsx'

const SCHEMES = ['auto', 'light', 'dark'] as const

export function Account({ user }: { readonly user: Profile }) {
  const { text, language, choose } = useSpeech()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const leave = useChange(signOut)
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button
          variant="subtle"
          color="gray"
          size="compact-md"
          aria-label={`${text.shell.account}: ${user.displayName}`}
        >
          <PersonIcon />
          <Text span visibleFrom="xs" inherit ml={6}>
            {user.displayName}
          </Text>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{user.username}</Menu.Label>
        <Menu.Item renderRoot={(props) => <Link {...props} to="/profile" />} leftSection={<PersonIcon />}>
          {text.shell.profile}
        </Menu.Item>
        <Menu.Divider role="separator" />
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
        <Menu.Item onClick={() => leave.mutate(undefined)} leftSection={<SignOutIcon />}>
          {text.shell.signOut}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
