progressbar = list
