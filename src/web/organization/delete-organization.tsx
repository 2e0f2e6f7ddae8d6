/** Deletes an organization: what is lost is told and counted, and its name is typed. */
import { Button, Checkbox, List, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { OrganizationLosses } from '../../api/organizations.ts'
import { useChange } from '../api/client.ts'
import { lossesQuery, organizationsQuery, useOrganizations } from '../api/organizations.ts'
import { organizationPath } from '../api/paths.ts'
import { request } from '../api/request.ts'
import { number } from '../format/sizes.ts'
import { Confirm } from '../shell/dialog.tsx'
import { Failure, Rows } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

/** The last section of what an owner sees of it. */
export function DeleteOrganization({ name }: { readonly name: string }) {
  const { text } = useSpeech()
  const [isOpen, dialog] = useDisclosure()
  return (
    <Section
      title={text.organization.remove}
      lead={text.organization.removeLead}
      action={
        <Button variant="default" c="red" onClick={dialog.open}>
          {text.organization.removeAction}
        </Button>
      }
    >
      {isOpen ? <DeleteDialog name={name} onClose={dialog.close} /> : null}
    </Section>
  )
}

export function DeleteDialog({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const { text, language } = useSpeech()
  const tell = useTell()
  const navigate = useNavigate()
  const client = useQueryClient()
  const organizations = useOrganizations().data
  const losses = useQuery(lossesQuery(name))
  const [isSure, setSure] = useState(false)
  const remove = useChange(
    async () => {
      const withRepositories = isSure ? { withRepositories: 'true' } : {}
      await request('DELETE', organizationPath(name), { query: { confirm: name, ...withRepositories } })
      const left = organizations?.filter((one) => one.name !== name)
      const next = left?.[0]?.name
      // Away first: what is gone is not to be asked for again. An operator who deletes another's stays where the list is.
      if (location.pathname.startsWith('/o/')) {
        await (next === undefined
          ? navigate({ to: '/' })
          : navigate({ to: '/o/$organization', params: { organization: next } }))
      }
      client.setQueryData(organizationsQuery.queryKey, left)
    },
    () => tell(text.organization.deleted(name)),
  )
  const lost = losses.data
  const repositories = lost?.repositories ?? 0
  return (
    <Confirm
      title={text.organization.removeTitle(name)}
      action={text.organization.removeAction}
      name={name}
      isDisabled={lost === undefined || (repositories > 0 && !isSure)}
      change={remove}
      onClose={onClose}
    >
      <Stack gap="xs" ta="left">
        <Text>{text.organization.deleteLead}</Text>
        {losses.isError ? (
          <Failure error={losses.error} retry={() => void losses.refetch()} />
        ) : lost === undefined ? (
          <Rows count={3} />
        ) : (
          <List size="sm">
            {(Object.keys(text.organization.losses) as (keyof OrganizationLosses)[]).map((what) =>
              lost[what] === 0 ? null : (
                <List.Item key={what}>{text.organization.losses[what](number(lost[what], language))}</List.Item>
              ),
            )}
          </List>
        )}
        <Text size="sm" c="dimmed">
          {text.organization.deleteStays(name)}
        </Text>
        {repositories === 0 ? null : (
          <Checkbox
            checked={isSure}
            onChange={(event) => setSure(event.currentTarget.checked)}
            label={text.organization.withRepositories(number(repositories, language))}
          />
        )}
      </Stack>
    </Confirm>
  )
}
