/** What a token may, and on which repositories: the same for tokens that are made and for those that CI jobs get. */
import { Checkbox, Stack, Textarea } from '@mantine/core'
import type { OrganizationToken } from '../../api/organization-tokens.ts'
import { useSpeech } from '../text/language.tsx'

export type TokenRight = OrganizationToken['allow'][number]

export function RightsChoice(o: {
  readonly label: string
  readonly value: readonly TokenRight[]
  readonly onChange: (value: TokenRight[]) => void
}) {
  const { text } = useSpeech()
  return (
    <Checkbox.Group label={o.label} value={[...o.value]} onChange={(chosen) => o.onChange(chosen as TokenRight[])}>
      <Stack gap={6} mt={4}>
        {Object.entries(text.organizationTokens.rights).map(([right, words]) => (
          <Checkbox key={right} value={right} label={words} />
        ))}
      </Stack>
    </Checkbox.Group>
  )
}

/** Its lines are read by `wordsOf`. */
export function RepositoriesChoice({ label }: { readonly label: string }) {
  const { text } = useSpeech()
  return (
    <Textarea
      name="repositories"
      label={label}
      description={text.organizationTokens.repositoriesHelp}
      defaultValue="*"
      autosize
      minRows={1}
      maxRows={6}
      required
      spellCheck={false}
    />
  )
}
