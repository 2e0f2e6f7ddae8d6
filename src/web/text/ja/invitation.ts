import type { Text } from '../en/index.ts'

export const invitation: Text['invitation'] = {
  title: (organization) => `${organization} に参加`,
  role: { owner: '役割: オーナー', editor: '役割: 編集者', member: '役割: メンバー' },
  teams: (teams) => `チーム: ${teams}`,
  broken: 'この招待は無効です',
  invalid: 'リンクが不完全か、使用済み、取り消し済み、または期限切れです。新しい招待を依頼してください。',
  accept: (username) => `${username} として参加`,
  orNew: 'またはアカウントを作成',
  username: 'ユーザー名',
  displayName: '表示名',
  password: 'パスワード',
  passwordHelp: '8 文字以上で入力してください。',
  register: 'アカウントを作成して参加',
  haveAccount: 'アカウントをお持ちの場合はサインイン',
  expires: '有効期限',
  gone: 'すでにアカウントをお持ちの場合は、サインインできます。',
  toSignIn: 'サインインへ',
}
