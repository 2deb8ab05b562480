from validator.cli import main

main(prog_name="originsight")
