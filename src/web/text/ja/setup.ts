import type { Text } from '../en/index.ts'

export const setup: Text['setup'] = {
  title: 'Kagami のセットアップ',
  lead: 'このサーバーにはまだオーナーがいません。最初のアカウントと組織を作成してください。メンバーは後から招待できます。',
  code: 'セットアップコード',
  codeHelp: 'サーバーの起動時に表示されます。使えるのは一度だけです。',
  organization: '組織',
  organizationHelp: 'すべてのイメージ名の先頭に付く名前です（acme/python の acme など）。',
  username: 'ユーザー名',
  displayName: '表示名',
  password: 'パスワード',
  passwordHelp: '8 文字以上で入力してください。',
  submit: 'アカウントを作成してサインイン',
  over: 'セットアップは完了しています',
  overLead: 'このサーバーにはオーナーがいます。サインインするか、オーナーに招待を依頼してください。',
  toSignIn: 'サインインへ',
  signedInLead: 'このサーバーにはオーナーがいます。サインイン済みです。',
}

export const enter: Text['enter'] = {
  opening: 'サインインしています…',
  broken: 'このリンクは使えなくなりました',
  help: 'サインインリンクは 15 分以内に一度だけ使えます。新しいリンクは、サーバー上で次のコマンドを実行すると表示されます。',
  toSignIn: 'パスワードでサインイン',
}
