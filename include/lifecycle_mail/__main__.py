"""`python -m lifecycle_mail`: the command line."""

from lifecycle_mail.command_line import main

if __name__ == "__main__":
    main()
