"""What is to be made: names, paths, jobs and what each of them may see."""
